"""What a file itself says of its input, its output and its labels."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract import Tensor
from tlearn.artifacts.extras import import_openvino, require_extra
from tlearn.artifacts.metadata import LABELS_FILE, NOTES, read_labels, read_metadata
from tlearn.artifacts.runtime import reason_of, sides_of
from tlearn.backend.silence import silence_output
from tlearn.errors import ExportError, HostError, TlearnError

_AGAIN = "export it again: tlearn export RUN"
_INSTALL = "install that package here, or check the file where it is installed"


@dataclass(frozen=True)
class Interface:
    """The ends of a network and the names of its classes."""

    signature: str
    input: Tensor
    output: Tensor
    labels: tuple[str, ...]


def read_interface(path: Path) -> Interface:
    """Look into an artefact.

    Raises:
        ExportError: It is no artefact, or cannot be read.
        HostError: What runs it is not installed here.
    """
    reader = _READERS.get("" if path.is_dir() else path.suffix)
    if reader is None:
        raise ExportError(f"{path} is no artefact of tlearn", _AGAIN)
    try:
        with silence_output():
            return reader(path)
    except TlearnError:
        raise
    except ImportError as error:
        raise HostError(f"{path} cannot be run without {error.name}", _INSTALL) from error
    except Exception as error:  # errors of four runtimes have no nearer ancestor
        reason = reason_of(error)
        raise ExportError(f"{path} cannot be looked into: {reason}", _AGAIN) from error


def _of_tflite(path: Path) -> Interface:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    (signature,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(signature)
    given, answer = (
        _only(details, lambda end: (end["shape_signature"], end["dtype"], end["quantization"]))
        for details in (runner.get_input_details(), runner.get_output_details())
    )
    return Interface(signature, given, answer, read_metadata(path)["labels"])


def _of_saved_model(path: Path) -> Interface:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    ((signature, function),) = loaded.signatures.items()
    given, answer = (
        _only(details, lambda end: (end.shape, end.dtype.as_numpy_dtype, (0, 0)))
        for details in (function.structured_input_signature[1], function.structured_outputs)
    )
    labels = path / "assets" / LABELS_FILE
    return Interface(signature, given, answer, read_labels(labels.read_bytes()))


def _of_onnx(path: Path) -> Interface:
    require_extra("onnx", ("onnxruntime",))
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (given,), (answer,) = session.get_inputs(), session.get_outputs()
    labels = json.loads(session.get_modelmeta().custom_metadata_map["labels"])
    return Interface("", _onnx_end(given), _onnx_end(answer), tuple(labels))


def _onnx_end(end: Any) -> Tensor:
    sizes = tuple(size if isinstance(size, int) else None for size in end.shape)
    dtype = end.type.removeprefix("tensor(").removesuffix(")")
    return Tensor(end.name, sizes, {"float": "float32"}.get(dtype, dtype))


def _of_openvino(path: Path) -> Interface:
    require_extra("openvino")
    model = import_openvino().Core().read_model(str(path))
    labels = json.loads(model.get_rt_info([NOTES, "labels"]).astype(str))
    given, answer = _openvino_end(model.input()), _openvino_end(model.output())
    return Interface("", given, answer, tuple(labels))


def _openvino_end(end: Any) -> Tensor:
    dtype = end.element_type.to_dtype().name
    return Tensor(end.any_name, sides_of(end.partial_shape), dtype)


def _only(details: Mapping[str, Any], look: Callable[[Any], tuple[Any, type, Any]]) -> Tensor:
    """The one tensor there is, from its shape, NumPy type, scale and zero point."""
    ((name, end),) = details.items()
    shape, dtype, (scale, zero_point) = look(end)
    sizes = tuple(None if size in (None, -1) else int(size) for size in shape)
    if not scale:
        return Tensor(name, sizes, dtype.__name__)
    return Tensor(name, sizes, dtype.__name__, float(scale), int(zero_point))


_READERS: dict[str, Callable[[Path], Interface]] = {
    ".tflite": _of_tflite,
    ".onnx": _of_onnx,
    ".xml": _of_openvino,
    "": _of_saved_model,
}
