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


def _tiny_network() -> Any:
    """Five stages of one layer each, separable after the first, and a classification layer."""
    import keras
    from keras import layers

    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    for channels in (32, 64, 128, 256):
        x = layers.DepthwiseConv2D(3, strides=2, padding="same", use_bias=False)(x)
        x = layers.Conv2D(channels, 1, use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(image, layers.Dense(SOURCE_CLASSES, "softmax")(x))


@pytest.fixture(scope="session")
def tiny_backbone(once: Once) -> Path:
    """A person's own network at 32 pixels, saved by Keras, with twelve source classes."""

    def make(folder: Path) -> None:
        import keras

        keras.utils.set_random_seed(1)
        network = _tiny_network()
        _take_statistics(network, _images())
        network.save(folder / "tiny.keras")

    return once("tiny-backbone", make) / "tiny.keras"


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
