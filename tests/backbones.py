"""Backbones for tests: a tiny one of our own, and the smallest of the catalog without its weights.

What a test claims of a command seldom depends on the network. Tracing, converting and tuning cost
in proportion to its layers, so the tiny one is the one to take.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import SHAPES, draw_image

SIZE, SOURCE_CLASSES = 32, 12
Once = Callable[[str, Callable[[Path], object]], Path]


def _images() -> np.ndarray:
    drawn = [draw_image(list(SHAPES)[n % len(SHAPES)], n, SIZE) for n in range(64)]
    return np.stack(drawn).astype("float32")


def _take_statistics(network: Any, images: np.ndarray) -> None:
    """Give every batch normalization the statistics of real inputs: features with a spread."""
    import keras

    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    network(images, training=True)


def tiny_network(*channels: int) -> Any:
    """A stage of one layer for each number of channels, separable after the first, and a head."""
    import keras
    from keras import layers

    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(channels[0], 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for width in channels[1:]:
        x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x)
        x = layers.Conv2D(width, 1, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(SOURCE_CLASSES, "softmax")(x))


def _save_tiny(path: Path, *channels: int) -> None:
    import keras

    keras.utils.set_random_seed(1)
    network = tiny_network(*channels)
    _take_statistics(network, _images())
    network.save(path)


@pytest.fixture(scope="session")
def tiny_backbone(once: Once) -> Path:
    """A person's own network at 32 pixels, saved by Keras: five stages, twelve source classes."""
    folder = once("tiny-backbone", lambda f: _save_tiny(f / "tiny.keras", 16, 32, 64, 128, 256))
    return folder / "tiny.keras"


@pytest.fixture(scope="session")
def tinier_backbone(once: Once) -> Path:
    """Another of two stages."""
    return once("tinier-backbone", lambda f: _save_tiny(f / "tinier.keras", 8, 16)) / "tinier.keras"


@pytest.fixture(scope="session")
def tiny_backbone_flags(tiny_backbone: Path) -> dict[str, Any]:
    """Recipe keys that choose it; on a command line `--backbone`."""
    return {"backbone": str(tiny_backbone)}


@pytest.fixture(scope="session")
def small_backbone(tiny_backbone: Path) -> Any:
    """The tiny backbone, loaded."""
    from tlearn.models.resolve import resolve_backbone

    return resolve_backbone(str(tiny_backbone), None, SIZE).load()


@pytest.fixture(scope="session")
def small_weights(once: Once) -> Path:
    """Random weights of a backbone of the catalog, mobilenet_025, with twelve source classes."""

    def make(folder: Path) -> None:
        import keras

        keras.utils.set_random_seed(1)
        network = keras.applications.MobileNet(
            (SIZE, SIZE, 3), alpha=0.25, weights=None, classes=SOURCE_CLASSES
        )
        _take_statistics(network, _images() / 127.5 - 1)
        network.save_weights(folder / "small.weights.h5")

    return once("small-weights", make) / "small.weights.h5"


@pytest.fixture(scope="session")
def small_weights_flags(small_weights: Path) -> dict[str, Any]:
    """Recipe keys that choose mobilenet_025 with these weights, at 32 pixels."""
    return {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": SIZE}
