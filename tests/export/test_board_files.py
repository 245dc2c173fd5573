"""Sources for boards: they compile, prepare frames as training did, and check themselves."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlearn import api
from tlearn.artifacts.contract import Preprocessing
from tlearn.artifacts.micro import output_names, run_micro
from tlearn.data.decode import RESIZE_RULES
from tlearn.data.squares import fit_square
from tlearn.errors import ExportError
from tlearn.export.board_files import CAMERA, SOURCES, BoardFiles, ensure_int8, write_board
from tlearn.export.boards import BOARDS
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact

pytest.importorskip("tflite_micro", reason="TensorFlow Lite Micro has wheels for Linux on x86-64")
pytest.importorskip("ethosu", reason="Vela is an extra: pip install '.[board]'")

LABELS = ("horizontal", 'the "vertical" ones', "checks é")
STUB = Path(__file__).with_name("tflm_stub")
SIZE = 32
FORMATS = ("kGray", "kRgb888", "kRgb565LittleEndian", "kRgb565BigEndian")
Compile = Callable[..., Path]


@pytest.fixture(scope="module")
def compile_all(tmp_path_factory: pytest.TempPathFactory) -> Compile:
    """Compile sources as strictly as can be; the test is skipped where there is no compiler."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("there is no compiler for C++ on this machine")

    def compile(sources: Sequence[Path], *options: str) -> Path:
        program = tmp_path_factory.mktemp("built") / "program"
        strict = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-O1", f"-I{STUB}"]
        paths = [str(path) for path in sources]
        subprocess.run([compiler, *strict, *options, *paths, "-o", str(program)], check=True)
        return program

    return compile


def written(inputs: ExportInputs, folder: Path, board: str, rule: str = "squash") -> BoardFiles:
    """Export the drawn classifier in int8 and write a board's sources for it."""
    golden = [replace(of, label=label) for of, label in zip(inputs.golden, LABELS, strict=True)]
    inputs = replace(
        inputs, class_names=LABELS, preprocessing=Preprocessing.of(SIZE, rule), golden=golden
    )
    artifact = export_artifact(inputs, folder, ("tflite", "int8"))
    return write_board(artifact.path, board, inputs)


@pytest.fixture(scope="module")
def esp32(known_inputs: ExportInputs, tmp_path_factory: pytest.TempPathFactory) -> BoardFiles:
    """The sources for one board."""
    return written(known_inputs, tmp_path_factory.mktemp("esp32"), "esp32")


@pytest.mark.parametrize("board", BOARDS)
def test_the_sources_for_every_board_compile(
    known_inputs: ExportInputs, tmp_path: Path, compile_all: Compile, board: str
) -> None:
    files = written(known_inputs, tmp_path, board)
    assert sorted(path.name for path in files.folder.iterdir()) == sorted((*SOURCES, CAMERA))
    sources = [*files.folder.glob("*.cc")]
    for options in ([], ["-DSELF_TEST"]):
        compile_all(sources, "-shared", "-fPIC", *options)  # not every board has a main()


def test_the_camera_is_left_as_a_person_wrote_it(
    known_inputs: ExportInputs, tmp_path: Path
) -> None:
    camera = written(known_inputs, tmp_path, "stm32").folder / CAMERA
    camera.write_text("// mine")
    written(known_inputs, tmp_path, "stm32")
    assert camera.read_text() == "// mine"


def test_boards_answer_every_image_where_nothing_is_to_be_refused(
    known_inputs: ExportInputs, tmp_path: Path
) -> None:
    files = written(replace(known_inputs, refuse=0.0), tmp_path, "stm32")
    assert "kLeastKnown = 0;" in (files.folder / "answer.h").read_text()


def test_the_array_is_the_network_that_was_run(
    esp32: BoardFiles, known_inputs: ExportInputs, tmp_path: Path, compile_all: Compile
) -> None:
    dump = tmp_path / "dump.cc"
    dump.write_text(
        '#include <cstdio>\n#include "model_data.h"\n'
        "int main() { fwrite(kModelData, 1, kModelSize, stdout); }\n"
    )
    include = f"-I{esp32.folder}"
    program = compile_all([dump, esp32.folder / "model_data.cc"], include)
    content = subprocess.run([program], check=True, capture_output=True).stdout
    names = output_names((esp32.folder.parent / "model_int8.tflite").read_bytes())
    run = run_micro(content, names, list(known_inputs.check.pixels))
    right = run.outputs["probabilities"].argmax(1) == known_inputs.check.labels
    assert float(right.mean()) == pytest.approx(esp32.accuracy)
    assert len(content) == esp32.model_bytes
    assert run.arena_bytes == esp32.measured_bytes < esp32.arena_bytes


def test_the_self_test_tells_the_network_from_another(
    esp32: BoardFiles, tmp_path: Path, compile_all: Compile, known_inputs: ExportInputs
) -> None:
    model = (esp32.folder.parent / "model_int8.tflite").read_bytes()
    images = [image.pixels for image in known_inputs.golden]
    outputs = run_micro(model, output_names(model), images).outputs
    rows = np.concatenate([outputs["probabilities"], outputs["known"]], axis=1)
    answers = ", ".join(map(str, rows.ravel().tolist()))
    driver = tmp_path / "driver.cc"
    driver.write_text(f"""
#include <cstdio>
#include "answer.h"
#include "self_test.h"
int off = 0;
bool Run(const uint8_t*, uint8_t* output, uint8_t* known) {{
  static const int answers[] = {{{answers}}};
  static int next = 0;
  for (int i = 0; i < kLabelCount; ++i) output[i] = static_cast<uint8_t>(answers[next++]);
  *known = static_cast<uint8_t>(answers[next++]);
  output[0] = static_cast<uint8_t>(output[0] > 127 ? output[0] - off : output[0] + off);
  if (next == kGoldenCount * (kLabelCount + 1)) next = 0;
  return true;
}}
int main() {{
  for (off = 0; off <= kTolerance + 1; ++off) printf("%d ", SelfTest(Run));
  printf("%d %s", kTolerance, kLabels[2]);
}}
""")
    sources = [driver, esp32.folder / "self_test.cc"]
    program = compile_all(sources, "-DSELF_TEST", f"-I{esp32.folder}")
    done = subprocess.run([program], check=True, capture_output=True, text=True).stdout
    *failed, steps, label = done.split(maxsplit=15)
    assert steps == "12"  # of 1/256 each: the contract allows .05
    assert failed == [*"0" * 13, "3"]
    assert label == LABELS[2]


@pytest.mark.parametrize("rule", RESIZE_RULES)
def test_frames_become_the_pixels_of_training(
    known_inputs: ExportInputs, tmp_path: Path, compile_all: Compile, rule: str
) -> None:
    folder = written(known_inputs, tmp_path, "stm32", rule).folder
    driver = tmp_path / "driver.cc"
    cases = ", ".join(FORMATS)
    driver.write_text(f"""
#include <cstdio>
#include <cstdlib>
#include <vector>
#include "image.h"
int main(int, char** words) {{
  const PixelFormat formats[] = {{{cases}}};
  const int width = atoi(words[1]), height = atoi(words[2]);
  std::vector<uint8_t> pixels(width * height * 3), out({SIZE} * {SIZE} * 3);
  const size_t n = fread(pixels.data(), 1, pixels.size(), stdin);
  const Frame frame = {{pixels.data(), width, height, formats[atoi(words[3])]}};
  ResizeFrame(frame, {SIZE}, out.data());
  return n == 0 || fwrite(out.data(), 1, out.size(), stdout) != out.size();
}}
""")
    program = compile_all([driver, folder / "image.cc"], f"-I{folder}")
    for shape in ((160, 120), (96, 96), (101, 77), (20, 31), (32, 32)):
        for number, format in enumerate(FORMATS):
            frame, rgb = draw_frame(shape, format)
            words = [program, *map(str, shape), str(number)]
            done = subprocess.run(words, input=frame, check=True, capture_output=True)
            found = np.frombuffer(done.stdout, np.uint8).reshape(SIZE, SIZE, 3).astype(int)
            expected = np.asarray(fit_square(Image.fromarray(rgb), SIZE, rule)[0])
            assert np.abs(found - expected).max() <= 1, (shape, format)


def draw_frame(shape: tuple[int, int], format: str) -> tuple[bytes, np.ndarray]:
    """Return a frame as a camera sends it, and the image in it, uint8 (height, width, 3)."""
    width, height = shape
    rgb = np.random.default_rng(width).integers(0, 256, (height, width, 3), np.uint8)
    if format == "kRgb888":
        return rgb.tobytes(), rgb
    if format == "kGray":
        return rgb[..., 0].tobytes(), np.repeat(rgb[..., :1], 3, axis=2)
    red, green, blue = np.moveaxis(rgb.astype(np.uint16), 2, 0)
    words = red >> 3 << 11 | green >> 2 << 5 | blue >> 3
    parts = [(words >> 11, 5), (words >> 5 & 63, 6), (words & 31, 5)]
    seen = [part << (8 - bits) | part >> (2 * bits - 8) for part, bits in parts]
    order = "<u2" if format == "kRgb565LittleEndian" else ">u2"
    return words.astype(order).tobytes(), np.stack(seen, axis=2).astype(np.uint8)


def test_a_network_that_loses_too_much_on_boards_is_not_written(
    known_inputs: ExportInputs, tmp_path: Path
) -> None:
    artifact = export_artifact(known_inputs, tmp_path, ("tflite", "int8"))
    files = write_board(artifact.path, "stm32", replace(known_inputs, max_drop=-1.0))
    assert "accuracy fell" in files.failure
    assert not files.folder.exists()


def test_ethos_u_has_the_network_that_vela_compiled(
    known_inputs: ExportInputs, tmp_path: Path
) -> None:
    files = written(known_inputs, tmp_path, "ethos-u")
    assert files.n_on_cpu == 0
    assert files.vela == "vela model_int8.tflite --accelerator-config ethos-u55-64"
    numbers = re.findall(r"\d+", (files.folder / "model_data.cc").read_text().split("{")[1])
    assert b"OfflineMemoryAllocation" in bytes(map(int, numbers[: files.model_bytes]))
    assert "AddEthosU()" in (files.folder / "model.h").read_text()
    assert "AddConv2D()" not in (files.folder / "model.h").read_text()


@pytest.mark.parametrize("mode", ["none", "float16", "dynamic", "int8_float"])
def test_boards_take_int8_alone(mode: str) -> None:
    with pytest.raises(ExportError, match="takes int8 files, not"):
        ensure_int8(mode, "ethos-u")


@pytest.mark.parametrize("task", ["labels", "number"])
def test_the_sources_answer_as_the_task_asks(
    target_run: Callable[[str], Path], compile_all: Compile, tmp_path: Path, task: str
) -> None:
    options = api.ExportOptions(max_drop=1.0)
    _, files = api.export_for_board(target_run(task), "stm32", options=options, out=tmp_path)
    assert files is not None and not files.failure
    compile_all([*files.folder.glob("*.cc")], "-shared", "-fPIC", "-DSELF_TEST")
    answer = (files.folder / "answer.h").read_text()
    assert ("HasLabel" in answer) == (task == "labels")
    assert ("Number(" in answer) == (task == "number")


def test_what_judges_good_images_needs_floats(
    target_run: Callable[[str], Path], tmp_path: Path
) -> None:
    with pytest.raises(ExportError, match="does not survive int8"):
        api.export_for_board(target_run("one_class"), "stm32", out=tmp_path)
