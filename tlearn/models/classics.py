"""Classic networks without pretrained weights, each as its paper describes it.

Part one: until 2014. A function takes the scaled image, (batch, side, side, 3), and returns the
feature map that tlearn's head averages and classifies. Dense layers before the last one are
convolutions that cover the whole map at the paper's image size; on larger images, they slide.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops
from keras.layers import (
    AveragePooling2D,
    Concatenate,
    Conv2D,
    DepthwiseConv2D,
    Dropout,
    Maximum,
    MaxPooling2D,
)

from tlearn.models.classics_since_2015 import (
    fractalnet,
    highway,
    pyramidnet,
    shufflenet_v2,
    wide_resnet,
)

# Which maps of S2 each of the 16 maps of C3 reads: Table I of LeCun et al. 1998.
_LENET_C3 = (
    *((0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5)),
    *((0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5)),
    *((0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5), (0, 1, 2, 3, 4, 5)),
)
# Table 1 of Szegedy et al. 2014: 1x1, 3x3 reduced, 3x3, 5x5 reduced, 5x5, projected pooling.
_INCEPTIONS = (
    ((64, 96, 128, 16, 32, 32), (128, 128, 192, 32, 96, 64)),
    (
        *((192, 96, 208, 16, 48, 64), (160, 112, 224, 24, 64, 64), (128, 128, 256, 24, 64, 64)),
        *((112, 144, 288, 32, 64, 64), (256, 160, 320, 32, 128, 128)),
    ),
    ((256, 160, 320, 32, 128, 128), (384, 192, 384, 48, 128, 128)),
)
# Table 7 of Romero et al. 2014: channels of the layers between two poolings.
_FITNETS = {
    1: ((16, 16, 16), (32, 32, 32), (48, 48, 64)),
    4: ((32, 32, 32, 48, 48), (80,) * 6, (128,) * 6),
}


def lenet5(image: Any) -> Any:
    """LeNet-5 [LeCun et al. 1998], up to F6; it reads gray values.

    Subsampling has a trained coefficient and bias for each map, and maps of C3 read some of S2, so
    that it has the paper's 60,000 weights. The head replaces its fixed radial basis functions.
    """

    def squash(x: Any) -> Any:
        return 1.7159 * ops.tanh(x * (2 / 3))

    def subsample(x: Any) -> Any:
        return squash(DepthwiseConv2D(1, depthwise_initializer="ones")(AveragePooling2D(2)(x)))

    x = squash(Conv2D(6, 5)(ops.mean(image, axis=-1, keepdims=True)))
    x = subsample(x)
    x = Concatenate()([Conv2D(1, 5)(ops.take(x, maps, axis=-1)) for maps in _LENET_C3])
    x = subsample(squash(x))
    x = squash(Conv2D(120, 5)(x))
    return squash(Conv2D(84, 1)(x))


def alexnet(image: Any) -> Any:
    """AlexNet [Krizhevsky et al. 2012], with the two halves that ran on one GPU each."""

    def halves(x: Any, channels: int, kernel: int) -> Any:
        return Concatenate()(
            [_conv_relu(half, channels // 2, kernel) for half in ops.split(x, 2, axis=-1)]
        )

    x = _conv_relu(image, 96, 11, strides=4, padding="valid")
    x = MaxPooling2D(3, 2)(normalize_locally(x))
    x = halves(x, 256, 5)
    x = MaxPooling2D(3, 2)(normalize_locally(x))
    x = _conv_relu(x, 384, 3)
    x = halves(x, 384, 3)
    x = MaxPooling2D(3, 2)(halves(x, 256, 3))
    x = Dropout(0.5)(_conv_relu(x, 4096, 6, padding="valid"))
    return Dropout(0.5)(_conv_relu(x, 4096, 1))


def network_in_network(image: Any) -> Any:
    """Network in Network [Lin et al. 2013] for CIFAR, as its authors configured it."""
    x = image
    for kernel, channels in ((5, (192, 160, 96)), (5, (192, 192, 192))):
        x = _mlpconv(x, kernel, channels)
        x = Dropout(0.5)(MaxPooling2D(3, 2, padding="same")(x))
    return _mlpconv(x, 3, (192, 192))


def googlenet(image: Any) -> Any:
    """GoogLeNet, Inception v1 [Szegedy et al. 2014], without the classifiers for training."""
    x = _conv_relu(image, 64, 7, strides=2)
    x = normalize_locally(MaxPooling2D(3, 2, padding="same")(x))
    x = normalize_locally(_conv_relu(_conv_relu(x, 64, 1), 192, 3))
    for modules in _INCEPTIONS:
        x = MaxPooling2D(3, 2, padding="same")(x)
        for one, three_in, three, five_in, five, pool in modules:
            branches = [
                _conv_relu(x, one, 1),
                _conv_relu(_conv_relu(x, three_in, 1), three, 3),
                _conv_relu(_conv_relu(x, five_in, 1), five, 5),
                _conv_relu(MaxPooling2D(3, 1, padding="same")(x), pool, 1),
            ]
            x = Concatenate()(branches)
    return x


def fitnet(image: Any, number: int) -> Any:
    """FitNet [Romero et al. 2014] for CIFAR: thin and deep, each unit the larger of two.

    Args:
        image: The scaled image.
        number: 1 or 4, as the paper numbers them.
    """

    def maxout(x: Any, channels: int, kernel: int) -> Any:
        return Maximum()([Conv2D(channels, kernel, padding="same")(x) for _ in range(2)])

    x = image
    for block in _FITNETS[number]:
        for channels in block:
            x = maxout(x, channels, 3)
        last = block is _FITNETS[number][-1]
        x = MaxPooling2D(x.shape[1] if last else 2)(x)
    return maxout(x, 500, 1)


def all_cnn(image: Any) -> Any:
    """All-CNN-C [Springenberg et al. 2014] for CIFAR: convolutions with strides pool."""
    x = Dropout(0.2)(image)
    for channels in (96, 192):
        x = _conv_relu(_conv_relu(x, channels, 3), channels, 3)
        x = Dropout(0.5)(_conv_relu(x, channels, 3, strides=2))
    return _conv_relu(_conv_relu(x, 192, 3, padding="valid"), 192, 1)


def _conv_relu(
    x: Any, channels: int, kernel: int, *, strides: int = 1, padding: str = "same"
) -> Any:
    # Initialized as by He et al. 2015, which keeps the scale of signals without normalization.
    return Conv2D(
        channels, kernel, strides, padding, activation="relu", kernel_initializer="he_normal"
    )(x)


def _mlpconv(x: Any, kernel: int, channels: Sequence[int]) -> Any:
    for number, width in enumerate(channels):
        x = _conv_relu(x, width, 1 if number else kernel)
    return x


def normalize_locally(x: Any) -> Any:
    """Divide by the activity of five neighboring channels: section 3.3 of Krizhevsky et al. 2012.

    Keras has no such layer; all of these operations are built into LiteRT.
    """
    channels = x.shape[-1]
    squares = ops.pad(ops.square(x), ((0, 0), (0, 0), (0, 0), (2, 2)))
    total = sum(squares[..., first : first + channels] for first in range(5))
    return x / ops.power(2 + 1e-4 * total, 0.75)


BUILDERS: dict[str, Callable[..., Any]] = {
    "LeNet-5": lenet5,
    "AlexNet": alexnet,
    "Network in Network": network_in_network,
    "GoogLeNet": googlenet,
    "FitNet": fitnet,
    "All-CNN-C": all_cnn,
    "Highway Network": highway,
    "Wide ResNet": wide_resnet,
    "FractalNet": fractalnet,
    "PyramidNet": pyramidnet,
    "ShuffleNetV2": shufflenet_v2,
}
"""The functions by the name that the catalog calls `builder`."""


def build_classic(
    builder: str, image: Any, scaled: Any, classes: int | None, **arguments: Any
) -> keras.Model:
    """Build a classic network, with a classification layer if `classes` are given."""
    x = BUILDERS[builder](scaled, **arguments)
    if classes:
        x = keras.layers.GlobalAveragePooling2D()(x)
        x = keras.layers.Dense(classes, activation="softmax")(x)
    return keras.Model(image, x)
