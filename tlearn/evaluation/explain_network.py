"""What a network computes: its first kernels, the feature maps of its stages, what each can see."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import keras

_MOST_KERNELS = 64
_CHANNELS = 6
"""Of each stage that are shown."""


@dataclass(frozen=True, eq=False)
class StageView:
    """What a stage gives for an image.

    Attributes:
        name: "stage 3".
        size: Side of its maps.
        channels: Number of its maps.
        sees: Side in pixels of the part of the image that one position can depend on; None where
            that cannot be told.
        shown: Which channels vary most over the image.
        maps: uint8 (n, size, size) these channels, each on its own scale.
    """

    name: str
    size: int
    channels: int
    sees: int | None
    shown: tuple[int, ...]
    maps: np.ndarray


def first_kernels(model: keras.Model) -> np.ndarray | None:
    """Return the kernels that read the image, each on its own scale: uint8 (n, k, k, 3).

    Returns:
        None where the first layer with weights is no convolution of three colors.
    """
    for layer in model.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is not None and len(kernel.shape) == 4 and kernel.shape[2] == 3:
            values = np.moveaxis(np.asarray(kernel, np.float32), -1, 0)[:_MOST_KERNELS]
            largest = np.abs(values).max(axis=(1, 2, 3), keepdims=True)
            return np.asarray(
                (127.5 + 127.5 * values / np.maximum(largest, 1e-12)).astype(np.uint8)
            )
    return None


def stage_views(model: keras.Model, image: np.ndarray) -> list[StageView]:
    """Return the maps of every stage for one image.

    Args:
        model: From `build_classifier`, or a saved one read back.
        image: uint8 (side, side, 3).
    """
    import keras

    from tlearn.models.joined import classifier_stages

    ends = classifier_stages(model)
    fields = receptive_fields(keras.Model(model.inputs[0], ends))
    batch = np.asarray(image[np.newaxis], np.float32)
    outputs = keras.Model(model.inputs[0], ends).predict_on_batch(batch)
    views = []
    for number, (end, output) in enumerate(zip(ends, keras.tree.flatten(outputs), strict=True), 1):
        maps = np.moveaxis(np.asarray(output[0], np.float32), -1, 0)
        shown = np.argsort(-maps.std(axis=(1, 2)), kind="stable")[:_CHANNELS]
        side, channels = maps.shape[1], len(maps)
        sees = fields.get(id(end))
        drawn, numbers = _gray(maps[shown]), tuple(shown.tolist())
        views.append(StageView(f"stage {number}", side, channels, sees, numbers, drawn))
    return views


def _gray(maps: np.ndarray) -> np.ndarray:
    low, high = (end(axis=(1, 2), keepdims=True) for end in (maps.min, maps.max))
    return np.asarray((255 * (maps - low) / np.maximum(high - low, 1e-12)).astype(np.uint8))


def receptive_fields(network: keras.Model) -> dict[int, int]:
    """Return for every map how many pixels of the image, in a row, one position can depend on.

        field  =  field of the input + (kernel - 1) * dilation * step of the input
        step   =  step of the input * stride

    Padding counts, so a field may be wider than the image. Gates that average the whole map
    (squeeze and excitation) are not counted: they scale channels and see no place.

    Args:
        network: Flat functional network.

    Returns:
        Identity of a tensor to the side of its field.
    """
    from tlearn.models.cuts import nodes_in_order

    known = {id(network.inputs[0]): (1, 1)}
    for node in nodes_in_order(network):
        before = [known[id(tensor)] for tensor in node.input_tensors if id(tensor) in known]
        if not before or type(node.operation).__name__.startswith("Global"):
            continue
        field, step = max(before)
        kernel, stride, dilation = _window(node.operation)
        after = field + (kernel - 1) * dilation * step, step * stride
        known.update({id(tensor): after for tensor in node.outputs if len(tensor.shape) == 4})
    return {tensor: field for tensor, (field, _) in known.items()}


def _window(operation: Any) -> tuple[int, int, int]:
    """Return side of kernel, stride and dilation of an operation; (1, 1, 1) where it has none."""
    size = getattr(operation, "kernel_size", None) or getattr(operation, "pool_size", None)
    if size is None:
        return 1, 1, 1
    stride, dilation = (getattr(operation, name, 1) for name in ("strides", "dilation_rate"))
    return _first(size), _first(stride), _first(dilation)


def _first(value: Any) -> int:
    return int(value[0] if isinstance(value, tuple | list) else value)
