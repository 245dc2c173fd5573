"""EfficientNet-Lite: EfficientNet with ReLU6 and without squeeze-excite, made for int8.

References:
    Tan & Le 2019, EfficientNet: rethinking model scaling for convolutional neural networks (arXiv
    1905.11946); Liu 2020, Higher accuracy on vision models with EfficientNet-Lite
    (blog.tensorflow.org), for what Lite changes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import keras
import numpy as np
from keras import layers

# (expansion, kernel, stride, channels, repeats) of each group of blocks, before scaling.
_GROUPS = (
    (1, 3, 1, 16, 1),
    (6, 3, 2, 24, 2),
    (6, 5, 2, 40, 2),
    (6, 3, 2, 80, 3),
    (6, 5, 1, 112, 3),
    (6, 5, 2, 192, 4),
    (6, 3, 1, 320, 1),
)
_STEM, _HEAD = 32, 1280  # channels, which Lite does not scale
# In the order in which Keras's layers hold them.
_PARTS = ("weight", "bias", "running_mean", "running_var")


def build_efficientnet_lite(
    image: keras.KerasTensor, classes: int | None, width_factor: float, depth_factor: float
) -> keras.Model:
    """Build the network with random weights.

    Args:
        image: Input (batch, side, side, 3), RGB, 0-255.
        classes: Width of the classification layer; None to build the network without one.
        width_factor: Of the channels.
        depth_factor: Of the repeats, those of the first and the last group excepted.
    """
    x = layers.Rescaling(1 / 128, -127 / 128, name="scaling")(image)
    stem = layers.Conv2D(_STEM, 3, 2, "same", use_bias=False, name="conv_stem")
    x = _rectified(_normalized(x, stem, "bn0"))
    number = 0
    for group in _GROUPS:
        expansion, kernel, stride, channels, repeats = group
        scaled = group not in (_GROUPS[0], _GROUPS[-1])
        for repeat in range(math.ceil(depth_factor * repeats) if scaled else repeats):
            strides = 1 if repeat else stride
            shape = (expansion, kernel, strides, _scaled(channels, width_factor))
            x = _block(x, f"blocks{number}", *shape)
            number += 1
    head = layers.Conv2D(_HEAD, 1, use_bias=False, name="conv_head")
    x = _rectified(_normalized(x, head, "bn1"))
    if classes:
        x = layers.GlobalAveragePooling2D(name="pooling")(x)
        x = layers.Dense(classes, "softmax", name="fc")(x)
    return keras.Model(image, x, name="efficientnet_lite")


def fill_from_pytorch(
    network: keras.Model, weights: Mapping[str, Mapping[str, np.ndarray]]
) -> None:
    """Set all weights of a network to those of PyTorch's, whose layers are `_blocks.0._bn1`, ...

    Args:
        network: From `build_efficientnet_lite`.
        weights: By layer and part, from `read_layers`.

    Raises:
        ValueError: A layer is on one side only, or of another shape.
    """
    own = {layer.name: layer for layer in network.layers if layer.weights}
    given = {name.replace(".", "").lstrip("_"): parts for name, parts in weights.items()}
    if own.keys() != given.keys():
        raise ValueError(f"layers on one side only: {sorted(own.keys() ^ given.keys())}")
    for name, layer in own.items():
        values = [given[name][part] for part in _PARTS if part in given[name]]
        layer.set_weights([_as_in_keras(layer, value) for value in values])


def _as_in_keras(layer: keras.layers.Layer, array: np.ndarray) -> np.ndarray:
    """Turn (out, in, height, width) into (height, width, in, out), and (out, in) into (in, out).

    A depthwise kernel (channels, 1, height, width) becomes (height, width, channels, 1).
    """
    if isinstance(layer, layers.DepthwiseConv2D):
        return np.transpose(array, (2, 3, 0, 1))
    return np.transpose(array, (2, 3, 1, 0)) if array.ndim == 4 else array.T


def _scaled(channels: int, width: float) -> int:
    """Return the multiple of 8 nearest to `channels * width`, and at least 90% of it."""
    nearest = int(channels * width + 4) // 8 * 8
    return nearest + 8 if nearest < 0.9 * channels * width else nearest


def _block(
    x: keras.KerasTensor, name: str, expansion: int, kernel: int, strides: int, channels: int
) -> keras.KerasTensor:
    """Add an inverted residual block: expand the channels, filter each by itself, project."""
    start = x
    if expansion > 1:
        expand = layers.Conv2D(
            expansion * x.shape[-1], 1, use_bias=False, name=f"{name}_expand_conv"
        )
        x = _rectified(_normalized(x, expand, f"{name}_bn0"))
    depthwise = layers.DepthwiseConv2D(
        kernel, strides, "same", use_bias=False, name=f"{name}_depthwise_conv"
    )
    x = _rectified(_normalized(x, depthwise, f"{name}_bn1"))
    project = layers.Conv2D(channels, 1, use_bias=False, name=f"{name}_project_conv")
    x = _normalized(x, project, f"{name}_bn2")
    return layers.Add()([start, x]) if x.shape == start.shape else x


def _normalized(
    x: keras.KerasTensor, convolution: keras.layers.Layer, name: str
) -> keras.KerasTensor:
    return layers.BatchNormalization(epsilon=1e-3, name=name)(convolution(x))


def _rectified(x: keras.KerasTensor) -> keras.KerasTensor:
    return layers.ReLU(6.0)(x)
