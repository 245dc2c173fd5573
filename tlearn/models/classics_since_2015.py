"""Classic networks without pretrained weights, part two: since 2015, with shortcuts.

A function takes the scaled image, (batch, side, side, 3), and returns the last feature map.
"""

from __future__ import annotations

from typing import Any

from keras import ops
from keras.initializers import Constant
from keras.layers import (
    Activation,
    Average,
    AveragePooling2D,
    BatchNormalization,
    Concatenate,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    MaxPooling2D,
    Permute,
    Reshape,
)

_DROP_PATH = 0.15  # section 4 of Larsson et al. 2016


def highway(image: Any) -> Any:
    """Highway network of 19 layers [Srivastava et al. 2015] for CIFAR, as its authors released it.

    y = x + T * (H - x), T = sigmoid(...): gates start nearly closed, with a bias of -2.
    """

    def gated(x: Any, channels: int) -> Any:
        transformed = Conv2D(channels, 3, padding="same", activation="relu")(x)
        gate = Conv2D(
            channels, 3, padding="same", activation="sigmoid", bias_initializer=Constant(-2.0)
        )(x)
        return x + gate * (transformed - x)

    x = Dropout(0.2)(image)
    for channels, layers in ((32, 4), (80, 5), (128, 5)):
        x = Conv2D(channels, 3, padding="same", activation="relu")(x)
        for _ in range(layers):
            x = gated(x, channels)
        if channels < 128:
            x = Dropout(0.2)(MaxPooling2D(2)(x))
    return Conv2D(100, 1, activation="relu")(x)


def wide_resnet(image: Any, depth: int, width: int) -> Any:
    """Wide ResNet [Zagoruyko and Komodakis 2016] for CIFAR, without dropout.

    Args:
        image: The scaled image.
        depth: 6n + 4 layers.
        width: Factor of the channels 16, 32 and 64.
    """
    x = _conv(image, 16, 3)
    for group, channels in enumerate((16 * width, 32 * width, 64 * width)):
        for block in range((depth - 4) // 6):
            strides = 2 if group and not block else 1
            active = _norm_relu(x)
            shortcut = x if block else _conv(active, channels, 1, strides)
            x = _conv(_norm_relu(_conv(active, channels, 3, strides)), channels, 3) + shortcut
    return _norm_relu(x)


def fractalnet(image: Any) -> Any:
    """FractalNet of three columns and 20 layers [Larsson et al. 2016] for CIFAR, the thin one.

    A path that joins others is dropped from 15% of the images and scaled up in the rest; the paper
    averages the paths that are left.
    """

    def join(paths: list[Any]) -> Any:
        if len(paths) == 1:
            return paths[0]
        return Average()([Dropout(_DROP_PATH, noise_shape=(None, 1, 1, 1))(x) for x in paths])

    def paths_of(x: Any, columns: int, channels: int) -> list[Any]:
        short = _norm_relu(_conv(x, channels, 3))
        if columns == 1:
            return [short]
        half = join(paths_of(x, columns - 1, channels))
        return [short, *paths_of(half, columns - 1, channels)]

    x = image
    for block, channels in enumerate((16, 32, 64, 128, 128)):
        x = MaxPooling2D(2)(Dropout(0.1 * block)(join(paths_of(x, 3, channels))))
    return x


def pyramidnet(image: Any) -> Any:
    """PyramidNet of 110 layers [Han et al. 2017] for CIFAR, 48 channels wider at its end."""
    blocks, widening = 54, 48
    x = BatchNormalization()(_conv(image, 16, 3))
    for block in range(blocks):
        channels = 16 + widening * (block + 1) // blocks
        strides = 2 if block in (18, 36) else 1
        branch = _conv(BatchNormalization()(x), channels, 3, strides)
        branch = BatchNormalization()(_conv(_norm_relu(branch), channels, 3))
        shortcut = AveragePooling2D(2, padding="same")(x) if strides == 2 else x
        more = channels - shortcut.shape[-1]
        x = branch + ops.pad(shortcut, ((0, 0), (0, 0), (0, 0), (0, more)))
    return _norm_relu(x)


def shufflenet_v2(image: Any) -> Any:
    """ShuffleNetV2 of the usual width [Ma et al. 2018]."""

    def right(x: Any, channels: int, strides: int) -> Any:
        x = _conv_norm_relu(x, channels, 1)
        return _conv_norm_relu(_depthwise(x, strides), channels, 1)

    def shuffle(halves: list[Any]) -> Any:
        x = Concatenate()(halves)
        height, width, channels = x.shape[1:]
        x = Permute((1, 2, 4, 3))(Reshape((height, width, 2, channels // 2))(x))
        return Reshape((height, width, channels))(x)

    x = MaxPooling2D(3, 2, padding="same")(_conv_norm_relu(image, 24, 3, 2))
    for channels, units in ((58, 4), (116, 8), (232, 4)):
        left = _conv_norm_relu(_depthwise(x, 2), channels, 1)
        x = shuffle([left, right(x, channels, 2)])
        for _ in range(units - 1):
            kept, changed = ops.split(x, 2, axis=-1)
            x = shuffle([kept, right(changed, channels, 1)])
    return _conv_norm_relu(x, 1024, 1)


def _conv(x: Any, channels: int, kernel: int, strides: int = 1) -> Any:
    return Conv2D(
        channels, kernel, strides, "same", use_bias=False, kernel_initializer="he_normal"
    )(x)


def _norm_relu(x: Any) -> Any:
    return Activation("relu")(BatchNormalization()(x))


def _conv_norm_relu(x: Any, channels: int, kernel: int, strides: int = 1) -> Any:
    return _norm_relu(_conv(x, channels, kernel, strides))


def _depthwise(x: Any, strides: int) -> Any:
    return BatchNormalization()(DepthwiseConv2D(3, strides, "same", use_bias=False)(x))
