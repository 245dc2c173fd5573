"""The input, the output and the labels of an artifact, read from the file itself."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract import Tensor
from tlearn.artifacts.extras import import_onnxruntime, import_openvino, require_extra
from tlearn.artifacts.input_shape import sides_of
from tlearn.artifacts.limits import MOST_TEXT_BYTES, read_limited
from tlearn.artifacts.metadata import LABELS_FILE, NOTES, read_labels, read_metadata
from tlearn.artifacts.runtime import reason_of
from tlearn.backend.silence import silence_output
from tlearn.confidence.answers import EMBEDDING, KNOWN, MAP
from tlearn.errors import ExportError, HostError, TlearnError, quoted

_EXPORT_AGAIN = "export it again: tlearn export RUN"


@dataclass(frozen=True)
class Interface:
    """The input, the output and the class names of a network.

    Attributes:
        signature: Name under which input and output are found; "" if the format has none.
        input: The image.
        output: One probability for each label.
        known: How like the training images an image is; None where there is no such output.
        map: What speaks for the most probable class where in the image; None likewise.
        embedding: What the head reads; None likewise.
        labels: Class names in the order of the output.
        images: What the file says of its images, by keys of `Preprocessing`; none in a SavedModel.
    """

    signature: str
    input: Tensor
    output: Tensor
    known: Tensor | None
    map: Tensor | None
    embedding: Tensor | None
    labels: tuple[str, ...]
    images: Mapping[str, Any] = field(default_factory=dict, compare=False)


def read_interface(path: Path) -> Interface:
    """Read the interface of an artifact.

    Raises:
        ExportError: The file is no artifact, or cannot be read.
        HostError: The package that reads it is not installed.
    """
    reader = _READERS.get("" if path.is_dir() else path.suffix)
    if reader is None:
        raise ExportError(f"{quoted(path)} is not an artifact of tlearn", _EXPORT_AGAIN)
    try:
        with silence_output():
            return reader(path)
    except TlearnError:
        raise
    except ImportError as error:
        message = f"cannot read {quoted(path)} without the package {error.name}"
        raise HostError(message, f"install it: pip install {error.name}") from error
    except Exception as error:  # the errors of four runtimes have no other base class in common
        message = f"cannot read {quoted(path)}: {reason_of(error)}"
        raise ExportError(message, _EXPORT_AGAIN) from error


def _read_tflite(path: Path) -> Interface:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    (signature,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(signature)
    (image,), outputs = (
        _tensors(details, lambda of: (of["shape_signature"], of["dtype"], of["quantization"]))
        for details in (runner.get_input_details(), runner.get_output_details())
    )
    metadata = read_metadata(path)
    described = {key: metadata[key][0] for key in ("image_size", "mean", "std") if metadata[key]}
    images = _about_images(metadata["about"]) | described
    return Interface(signature, image, *_ends(outputs), metadata["labels"], images)


def _read_saved_model(path: Path) -> Interface:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    ((signature, function),) = loaded.signatures.items()
    (image,), outputs = (
        _tensors(details, lambda of: (of.shape, of.dtype.as_numpy_dtype, (0, 0)))
        for details in (function.structured_input_signature[1], function.structured_outputs)
    )
    labels = path / "assets" / LABELS_FILE
    names = read_labels(read_limited(labels, MOST_TEXT_BYTES))
    return Interface(signature, image, *_ends(outputs), names)


def _read_onnx(path: Path) -> Interface:
    require_extra("onnx", ("onnxruntime",))
    session = import_onnxruntime().InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (image,) = session.get_inputs()
    outputs = [_onnx_tensor(node) for node in session.get_outputs()]
    notes = session.get_modelmeta().custom_metadata_map
    labels = tuple(json.loads(notes["labels"]))
    return Interface("", _onnx_tensor(image), *_ends(outputs), labels, _about_images(notes))


def _onnx_tensor(node: Any) -> Tensor:
    sizes = tuple(size if isinstance(size, int) else None for size in node.shape)
    dtype = node.type.removeprefix("tensor(").removesuffix(")")
    return Tensor(node.name, sizes, {"float": "float32"}.get(dtype, dtype))


def _read_openvino(path: Path) -> Interface:
    require_extra("openvino")
    model = import_openvino().Core().read_model(str(path))
    notes = {key: value.astype(str) for key, value in model.get_rt_info(NOTES).astype(dict).items()}
    image, outputs = _openvino_tensor(model.input()), [*map(_openvino_tensor, model.outputs)]
    labels = tuple(json.loads(notes["labels"]))
    return Interface("", image, *_ends(outputs), labels, _about_images(notes))


def _openvino_tensor(port: Any) -> Tensor:
    dtype = port.element_type.to_dtype().name
    return Tensor(port.any_name, sides_of(port.partial_shape), dtype)


def _about_images(notes: Mapping[str, Any]) -> dict[str, Any]:
    """Return what notes inside a file say of its images, where they do."""
    read: dict[str, Callable[[Any], Any]] = {"resize": str, "image_size": int, "layout": str}
    return {key: read[key](notes[key]) for key in read.keys() & notes.keys()}


def _tensors(
    details: Mapping[str, Any], fields: Callable[[Any], tuple[Any, type, Any]]
) -> list[Tensor]:
    """Describe the inputs or the outputs of a signature.

    Args:
        details: Tensors by their names.
        fields: Gives of each its shape, its NumPy type, and its scale and zero point (0, 0 for
            floats).
    """
    tensors = []
    for name, tensor in details.items():
        shape, dtype, (scale, zero_point) = fields(tensor)
        sizes = tuple(None if size in (None, -1) else int(size) for size in shape)
        quantization = (float(scale), int(zero_point)) if scale else ()
        tensors.append(Tensor(name, sizes, dtype.__name__, *quantization))
    return tensors


def _ends(
    outputs: Sequence[Tensor],
) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Return probabilities, `known`, `map` and `embedding`; a single output is probabilities."""
    named = {tensor.name: tensor for tensor in outputs}
    known, map, embedding = (named.pop(name, None) for name in (KNOWN, MAP, EMBEDDING))
    (probabilities,) = named.values()
    return probabilities, known, map, embedding


_READERS: dict[str, Callable[[Path], Interface]] = {
    ".tflite": _read_tflite,
    ".onnx": _read_onnx,
    ".xml": _read_openvino,
    "": _read_saved_model,
}
