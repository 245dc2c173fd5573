"""Starter programs around a LiteRT file, from the templates in `templates/`.

All prepare an image as `data.decode` does. The one in Python gives the same pixels; the others
resample every pixel where Pillow first averages blocks, which on photographs moves no value by
more than 2 of 255, and take JPEG decoders as the platform has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlearn.artifacts.metadata import read_metadata
from tlearn.backend.silence import silence_output
from tlearn.errors import ExportError, quoted
from tlearn.storage.atomic import write_atomic

PLATFORMS = {"python": "py", "android": "kt", "ios": "swift", "web": "html"}
"""What a program is written for, and how its file's name ends."""

_RESIZING = {
    "squash": "both sides resized to {size} pixels, whatever its shape",
    "crop": "the short side resized to {size} pixels, then the center",
    "pad": "the long side resized to {size} pixels, centered on gray",
}
# Pinned: from 1.0 on, tasks-vision for the web sends usage logs to its maker; 0.10.35 does not.
_VERSIONS = {"web": "0.10.35", "android": "0.10.29", "ios": "0.10.21"}
_TOP = 3


def check_platforms(names: Sequence[str]) -> list[str]:
    """Return the platforms that were named, each once.

    Raises:
        ExportError: There is no program for one.
    """
    chosen = list(dict.fromkeys(name.lower() for name in names))
    unknown = [name for name in chosen if name not in PLATFORMS]
    if unknown:
        raise ExportError(
            f"--snippet {', '.join(unknown)}: there is no such program",
            f"choose among {', '.join(PLATFORMS)}",
        )
    return chosen


def write_snippet(model: Path, platform: str) -> Path:
    """Write a program beside a LiteRT file that classifies images with it.

    Args:
        model: The file, as `write_tflite` wrote it.
        platform: One of PLATFORMS.

    Returns:
        `classify_NAME.SUFFIX`, beside the file.

    Raises:
        ExportError: The file does not say how images are to be prepared.
        HostError: The folder cannot be written to.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    suffix = PLATFORMS[platform]
    path = model.with_name(f"classify_{model.stem}.{suffix}")
    environment = Environment(
        loader=PackageLoader("tlearn.export", "templates"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template(f"{platform}.{suffix}.j2")
    write_atomic(path, template.render(_template_values(model), program=path.name))
    return path


def _template_values(model: Path) -> dict[str, Any]:
    """Return what the templates need to know, all of it from the file."""
    from ai_edge_litert.interpreter import Interpreter

    metadata = read_metadata(model)
    resize = metadata["about"].get("resize")
    if resize not in _RESIZING:
        raise ExportError(
            f"{quoted(model)} does not say how images are resized",
            "export it again: tlearn export RUN",
        )
    with silence_output():
        runner = Interpreter(model_path=str(model)).get_signature_runner()
    ((input_name, input_details),) = runner.get_input_details().items()
    ((output_name, output_details),) = runner.get_output_details().items()
    scale, zero_point = output_details["quantization"]
    size = int(input_details["shape"][1])
    return {
        "model": model.name,
        "stem": model.stem,
        "size": size,
        "dtype": input_details["dtype"].__name__,
        "input": input_name,
        "output": output_name,
        "scale": float(scale),
        "zero_point": int(zero_point),
        "resize": resize,
        "gray_range": metadata["about"].get("gray_range"),
        "resizing": _RESIZING[resize].format(size=size),
        "classes": len(metadata["labels"]),
        "versions": _VERSIONS,
        "top": min(_TOP, len(metadata["labels"])),
    }
