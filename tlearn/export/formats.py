"""The formats that a model can be written in; a new one is a file of its own and a row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlearn.artifacts.extras import require_extra
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs
from tlearn.export.onnx import write_onnx
from tlearn.export.openvino import write_openvino
from tlearn.export.quantization import MODES
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite

Writer = Callable[[ExportInputs, Path, str], None]
"""Writes the model of an export at a path, quantized by a mode."""


@dataclass(frozen=True)
class Format:
    """One way to write a model.

    Attributes:
        file: What an artifact is called; a mode other than "none" is added to the stem.
        meant_for: What runs it, for a person.
        write: See `Writer`.
        modes: The modes of quantization.MODES that it has.
        extra: The extra of tlearn that it needs; empty for none.
    """

    file: str
    meant_for: str
    write: Writer
    modes: Sequence[str] = ("none",)
    extra: str = ""


def _tflite(inputs: ExportInputs, path: Path, mode: str) -> None:
    names, metadata = inputs.class_names, inputs.metadata
    write_tflite(inputs.model, path, mode, inputs.calibration, names, metadata)


def _onnx(inputs: ExportInputs, path: Path, mode: str) -> None:
    write_onnx(inputs.model, path, inputs.class_names, inputs.metadata, inputs.layout)


def _openvino(inputs: ExportInputs, path: Path, mode: str) -> None:
    write_openvino(inputs.model, path, inputs.class_names, inputs.metadata)


def _saved_model(inputs: ExportInputs, path: Path, mode: str) -> None:
    write_saved_model(inputs.model, path, inputs.class_names)


FORMATS: dict[str, Format] = {
    "tflite": Format("model.tflite", "phones and boards", _tflite, tuple(MODES)),
    "onnx": Format("model.onnx", "ONNX Runtime and what reads ONNX", _onnx, extra="onnx"),
    "openvino": Format("model.xml", "Intel's processors", _openvino, extra="openvino"),
    "saved_model": Format("saved_model", "TensorFlow and servers", _saved_model),
}
"""Name of a format to how it is written, in the order they are offered."""


def find_format(name: str, mode: str) -> Format:
    """Return a format that has a mode and can be written here.

    Raises:
        ExportError: There is no such format, or it lacks the mode.
        HostError: It needs an extra that is not installed.
    """
    if name not in FORMATS:
        raise ExportError(f"there is no format {name!r}", f"there are {', '.join(FORMATS)}")
    format = FORMATS[name]
    if mode not in format.modes:
        raise ExportError(
            f"{name} files have no mode {mode!r}", f"they have {', '.join(format.modes)}"
        )
    if format.extra:
        require_extra(format.extra)
    return format


def artifact_path(folder: Path, format: Format, mode: str) -> Path:
    """Return where an artifact goes: `folder/model.onnx`, `folder/model_int8.tflite`."""
    path = folder / format.file
    return path if mode == "none" else path.with_stem(f"{path.stem}_{mode}")
