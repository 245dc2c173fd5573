"""Each program: what it needs, the file that it reads, and how it is asked."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import packages_distributions, version
from pathlib import Path

from benchmarks.clients.programs import BROWSER, NODE, python_program
from tests.export.browser import CHROMIUM, Browser
from tests.export.web_page import scripts_of
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.micro import output_names
from tlearn.export import web_runtime
from tlearn.export.snippets import write_snippet
from tlearn.export.vela import compile_for_npu

FLOAT, INT8, ONNX = "model.tflite", "model_int8.tflite", "model.onnx"
NPU = "ethos-u55-64"
_PACKAGES = {"ai_edge_litert": "ai-edge-litert", "cv2": "opencv-python-headless"}
_PACKAGES |= {"tflite_micro": "tflite-micro", "ethosu": "ethos-u-vela"}
_IMPORT, _OLD_IMPORT = "from ai_edge_litert.interpreter", "from tflite_runtime.interpreter"


class LeftOutError(Exception):
    """A program is not installed; says how to install it."""


@dataclass(frozen=True)
class Job:
    """A folder of exported files, images and packages of npm; a Python with tflite-runtime."""

    folder: Path
    images: Sequence[str]
    old_python: Path | None


@dataclass(frozen=True)
class Answered:
    """A program's version, its lines (see `programs`), and how many lines a user writes."""

    version: str
    lines: Sequence[str]
    written: int


def _version(module: str) -> str:
    """Return the version of whichever package has a module, or say which one to install."""
    found = packages_distributions().get(module)
    if not found:
        raise LeftOutError(f"pip install {_PACKAGES.get(module, module)}")
    return version(found[0])


def _run(job: Job, *command: str | Path) -> list[str]:
    line = [*command, *job.images]
    done = subprocess.run(line, cwd=job.folder, capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise RuntimeError(f"{command}:\n{done.stderr}")
    return [line for line in done.stdout.splitlines() if "\t" in line]


def _filled(program: str, job: Job) -> str:
    """Return a program with the values of the contract."""
    file = job.folder / INT8
    contract, _ = read_contract(file)
    values = {
        "SIZE": contract.preprocessing.image_size,
        "NAMES": json.dumps(list(contract.labels), ensure_ascii=False),
        "FILES": json.dumps(list(job.images)),
        "OUTPUT": output_names(file.read_bytes()).index("probabilities"),
        "ZERO_POINT": contract.output.zero_point,
        "SCALE": contract.output.scale,
    }
    return re.sub(rf"\b({'|'.join(values)})\b", lambda found: str(values[found[0]]), program)


def _lines(program: str) -> int:
    return sum(bool(line.strip()) for line in program.splitlines())


def snippet(job: Job, module: str, file: str) -> Answered:
    """Run the program that tlearn writes."""
    found = _version(module)
    program = write_snippet(job.folder / file, "opencv" if module == "cv2" else "python")
    return Answered(found, _run(job, sys.executable, program), 0)


def python(job: Job, module: str) -> Answered:
    """Run a program in this Python."""
    found = _version(module)
    program = python_program(module)
    path = job.folder / f"run_{module}.py"
    path.write_text(_filled(program, job), encoding="utf-8")
    return Answered(found, _run(job, sys.executable, path), _lines(program))


def old_python(job: Job, file: str) -> Answered:
    """Run the program that tlearn writes in another Python, importing tflite-runtime."""
    if not job.old_python:
        raise LeftOutError(
            "python3.11 -m venv OLD && OLD/bin/pip install tflite-runtime 'numpy<2' pillow, "
            "then --tflite-runtime OLD/bin/python"
        )
    program = write_snippet(job.folder / file, "python")
    path = program.with_stem(f"{program.stem}_old")
    path.write_text(program.read_text("utf-8").replace(_IMPORT, _OLD_IMPORT), encoding="utf-8")
    ask = "from importlib.metadata import version; print(version('tflite-runtime'))"
    found = subprocess.check_output([job.old_python, "-c", ask], text=True).strip()
    return Answered(found, _run(job, job.old_python, path), 1)


def _node_version(job: Job, package: str, *others: str) -> str:
    """Return the version of a package of npm, laid beside the files."""
    modules = job.folder / "node_modules"
    if not all((modules / name).is_dir() for name in (package, *others)):
        raise LeftOutError(f"npm install {' '.join((package, *others))}, then --node FOLDER")
    return str(json.loads((modules / package / "package.json").read_text("utf-8"))["version"])


def _lay_preparation(job: Job) -> None:
    """Write what the page of `--snippet web` prepares images with, for other programs."""
    scripts = scripts_of(write_snippet(job.folder / FLOAT, "web"))
    (prepare,) = re.findall(r"^async function prepare.*?^}", scripts["page"], re.M | re.S)
    text = f"{scripts['preprocessing']}\n{prepare}\nexport {{ fit, prepare, reduced }};\n"
    (job.folder / "prepare.mjs").write_text(text, encoding="utf-8")


def node(job: Job) -> Answered:
    """Run a program in Node.js."""
    found = _node_version(job, "onnxruntime-node", "sharp")
    _lay_preparation(job)
    path = job.folder / "run.mjs"
    path.write_text(_filled(NODE, job), encoding="utf-8")
    return Answered(found, _run(job, "node", path), _lines(NODE))


def _open(job: Job, page: str, *drops: tuple[str, list[str]]) -> list[str]:
    """Return what a page says, in Chromium."""
    if not CHROMIUM:
        raise LeftOutError("install Chromium")
    browser = Browser(job.folder)
    try:
        return (browser.answer(page, *drops) if drops else browser.open(page))[0]
    finally:
        browser.close()


def litert_page(job: Job) -> Answered:
    """Drop the images on the page that tlearn writes; it shows the three most probable labels."""
    web_runtime.lay(job.folder)
    page = write_snippet(job.folder / FLOAT, "web")
    _, *shown = _open(job, page.name, ("body", list(job.images)))
    rows = [[row for row in re.split("\n+", line) if row] for line in shown]
    lines = [
        "\t".join([row[0], *(part for part in row[2:] if "one of: " not in part)]) for row in rows
    ]
    return Answered(web_runtime.VERSION, lines, 0)


def onnx_page(job: Job) -> Answered:
    """Open a page that prepares images as the page that tlearn writes does."""
    found = _node_version(job, "onnxruntime-web")
    _lay_preparation(job)
    (job.folder / "run.html").write_text(_filled(BROWSER, job), encoding="utf-8")
    return Answered(found, _open(job, "run.html"), _lines(BROWSER))


def npu(job: Job) -> Answered:
    """Count the operators that Vela leaves to the processor."""
    found = _version("ethosu")
    compiled = compile_for_npu(job.folder / INT8, NPU)
    whole = compiled.n_operators - compiled.n_on_cpu
    return Answered(found, [f"{whole} of {compiled.n_operators} operators on the NPU"], 0)


CLIENTS: tuple[tuple[str, str, Callable[[Job], Answered]], ...] = (
    ("ai-edge-litert", FLOAT, partial(snippet, module="ai_edge_litert", file=FLOAT)),
    ("ai-edge-litert", INT8, partial(snippet, module="ai_edge_litert", file=INT8)),
    ("tflite-runtime", FLOAT, partial(old_python, file=FLOAT)),
    ("tflite-runtime", INT8, partial(old_python, file=INT8)),
    ("MediaPipe Tasks", FLOAT, partial(python, module="mediapipe")),
    ("LiteRT.js in Chromium", FLOAT, litert_page),
    ("ONNX Runtime", ONNX, partial(python, module="onnxruntime")),
    ("ONNX Runtime for Node", ONNX, node),
    ("ONNX Runtime Web in Chromium", ONNX, onnx_page),
    ("OpenCV", ONNX, partial(snippet, module="cv2", file=ONNX)),
    ("OpenVINO", "model.xml", partial(python, module="openvino")),
    ("TensorFlow without Keras", "saved_model", partial(python, module="tensorflow")),
    ("TensorFlow Lite Micro", INT8, partial(python, module="tflite_micro")),
    ("Vela", INT8, npu),
)
"""Name, file that it reads, and what asks it."""
