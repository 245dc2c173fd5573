"""A classifier as a LiteRT file, labels inside, that a phone can run as it stands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.artifacts.metadata import add_metadata, ensure_labels_fit
from tlearn.backend.litert import convert
from tlearn.backend.precision import as_float32
from tlearn.errors import BackboneError, ExportError
from tlearn.export.quantization import CALIBRATED
from tlearn.storage.atomic import write_atomic


def write_tflite(
    model: Any,
    path: Path,
    quantization: str,
    representative: Iterable[np.ndarray] | None,
    labels: Sequence[str],
    about: Mapping[str, Any],
) -> None:
    """Write a classifier for phones and small computers.

    Signature `serving_default`: `image` (1, height, width, 3) RGB, 0 to 255 -> `probabilities`
    (1, classes) float32 and, where the model has them, `known` (1, 1) and `map` (1, side, side).
    The batch is one image: phones have one at a time, GPU and NPU delegates refuse or fall back on
    sizes known only later, and on CPUs it costs nothing. All are float32, but for "int8" they are
    uint8: the bytes of an image go in, and a byte of 1/256 comes out for each class, because
    MediaPipe takes those and no int8. Any int8 file's probabilities are multiples of 1/256, too
    coarse to rank hundreds of classes. What judges how unlike good images one is stays in float32.

    Args:
        model: keras.Model, `image` -> `probabilities`; any precision.
        path: The file, named .tflite.
        quantization: One of quantization.MODES.
        representative: uint8 images (height, width, 3) from the train split, for the
            modes in quantization.CALIBRATED only.
        labels: Class names in the order of the output.
        about: JSON values to carry along; see `metadata.add_metadata`.

    Raises:
        ExportError: The network needs an operator that LiteRT lacks, or labels do not fit.
        HostError: The file cannot be written.
    """
    from tlearn.models.one_class import judged_layers

    ensure_labels_fit(labels, model.outputs[0].shape[-1])
    calibrated, in_int8 = quantization in CALIBRATED, judged_layers(model)
    if in_int8 and quantization == "int8":
        raise ExportError(
            "int8: how unlike an image is does not survive steps that coarse",
            "have the network alone in int8, and what judges it in float32: --quantize int8_float",
        )
    try:
        content = convert(
            as_float32(model),
            quantization="int8" if calibrated else quantization,
            representative=_full_range(representative) if calibrated else None,
            io_dtype="uint8" if quantization == "int8" else "float32",
            in_int8=in_int8,
        )
    except BackboneError as error:
        raise ExportError(error.message, error.hint) from error
    write_atomic(path, add_metadata(content, labels, about))


def _full_range(images: Iterable[np.ndarray] | None) -> np.ndarray:
    """Return the images as one array with both 0 and 255 in it.

    The extremes make the input's scale 1 and its zero point 0: clients copy the bytes of a
    image without looking at either, and with another scale they would feed a brighter one.
    """
    stack = np.array([] if images is None else list(images), np.uint8)
    if not len(stack):
        raise ExportError(
            "int8 needs images to set its ranges",
            "put the training images back, or choose --quantize dynamic",
        )
    stack[0, 0, 0], stack[0, 0, 1] = 0, 255
    return stack
