"""Starter programs around an exported file, from the templates in `templates/`.

All prepare an image as `data.decode` does. The one in Python gives the same pixels; the others
take JPEG decoders as the platform has them, and reduce horizontally first where Pillow may begin
with the other axis, which moves values by 1 of 255. Those for phones resample every pixel where
Pillow first averages blocks, which on photographs moves no value by more than 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract_file import read_contract
from tlearn.confidence.answer_sets import ROUNDING
from tlearn.confidence.confidence import UNKNOWN
from tlearn.data.targets import CLASSES
from tlearn.errors import ExportError, quoted
from tlearn.export import web_runtime
from tlearn.features.linear_head import TAUGHT_PENALTY
from tlearn.storage.atomic import write_atomic

PLATFORMS = {"python": "py", "android": "kt", "ios": "swift", "web": "html"}
"""What a program is written for, and how its file's name ends."""

PROGRAMS = {name: f"classify_{{}}.{suffix}" for name, suffix in PLATFORMS.items()}
PROGRAMS |= {"teach": "teach_{}.html", "opencv": "classify_{}_opencv.py"}
"""What a program is called that goes with a file: those that classify, and a page that learns."""

PAGES = frozenset({"web", "teach"})
"""Those that LiteRT.js runs, see `web_runtime`."""

_READS = {"opencv": "onnx"}
"""The format that a program reads, where that is not LiteRT."""

_RESIZING = {
    "squash": "both sides resized to {size} pixels, whatever its shape",
    "crop": "the short side resized to {size} pixels, then the center",
    "pad": "the long side resized to {size} pixels, centered on gray",
}
_VERSIONS = {"android": "0.10.35", "ios": "1.0.1"}
"""Of MediaPipe Tasks, pinned; any may send usage logs to its maker. A Swift package from 1.0 on."""

_TOP = 3
_DIGITS = 7


def check_platforms(names: Sequence[str]) -> list[str]:
    """Return the platforms that were named, each once.

    Raises:
        ExportError: There is no program for one.
    """
    chosen = list(dict.fromkeys(name.lower() for name in names))
    unknown = [name for name in chosen if name not in PROGRAMS]
    if unknown:
        raise ExportError(
            f"--snippet {', '.join(unknown)}: there is no such program",
            f"choose among {', '.join(PROGRAMS)}",
        )
    return chosen


def format_for(platform: str) -> str:
    """Return the format of the files that the program for a platform reads."""
    return _READS.get(platform, "tflite")


def write_snippet(model: Path, platform: str) -> Path:
    """Write a program beside a file that classifies images with it.

    Args:
        model: The file, with its contract beside it.
        platform: One of PROGRAMS.

    Returns:
        The program, beside the file.

    Raises:
        ExportError: The file has no contract, nothing to teach a head on, or what
            OpenCV cannot run.
        HostError: The folder cannot be written to.
    """
    path = model.with_name(PROGRAMS[platform].format(model.stem))
    values = template_values(model) | web_runtime.template_values()
    if platform == "teach" and not values["embedding"]:
        raise ExportError(
            f"{quoted(model)} does not give what its head reads, to teach another one on it",
            "export it so: tlearn export --snippet teach",
        )
    values |= {"platform": platform, "program": path.name}
    write_atomic(path, render(f"{platform}{path.suffix}.j2", values))
    return path


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the text of one of the `templates/`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("tlearn.export", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(values)


def template_values(model: Path) -> dict[str, Any]:
    """Return what the templates need to know, all of it from the file's contract."""
    contract, _ = read_contract(model)
    if contract.format == "onnx" and contract.map:
        raise ExportError(
            f"{quoted(model)} has an output 'map', for which OpenCV lacks operators",
            "leave out --with-maps, or take the program for the LiteRT file: --snippet python",
        )
    images, sets = contract.preprocessing, (contract.confidence or UNKNOWN).answer_sets()
    point, confidence = contract.operating_point, contract.confidence or UNKNOWN
    number = confidence.number
    return {
        "task": contract.task or CLASSES,
        "least": contract.thresholds,
        "width": number and number.half_width and float(f"{number.half_width:.7g}"),
        "relative": bool(number and number.relative),
        "model": model.name,
        "stem": model.stem,
        "size": images.image_size,
        "dtype": contract.input.dtype,
        "input": contract.input.name,
        "output": contract.output,
        "known": contract.known,
        "refuse": contract.refuse,
        "map": contract.map,
        "embedding": contract.embedding,
        "network": contract.provenance.get("model", ""),
        "penalty": TAUGHT_PENALTY,
        "level": f"{sets.level:.0%}" if sets else None,
        "threshold": round(max(sets.threshold - ROUNDING, 0), _DIGITS) if sets else None,
        "positive": contract.labels.index(point.positive) if point else None,
        "start": point.threshold if point else None,
        "ordered": confidence.ordered and not point,
        "resize": images.resize,
        "layout": images.layout,
        "gray_range": images.gray_range,
        "resizing": _RESIZING[images.resize].format(size=images.image_size),
        "labels": contract.labels,
        "classes": len(contract.labels),
        "versions": _VERSIONS,
        "top": min(_TOP, len(contract.labels)),
    }
