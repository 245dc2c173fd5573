"""Pixels, and networks with weights that reveal a wrong order or a lost layer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest


@pytest.fixture(autouse=True)
def own_keras_home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """Read nothing from this machine's Keras cache, and download nothing."""
    home = tmp_path_factory.mktemp("keras")
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setenv("TLEARN_WEIGHTS_URL", "http://127.0.0.1:9")
    return home


@pytest.fixture(scope="session")
def pixels() -> Callable[..., np.ndarray]:
    """Return `pixels(size, n=2, seed=0)`: random 0-255 RGB images whose channels differ in mean."""

    def draw(size: int, n: int = 2, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.integers([0, 40, 90], [120, 200, 256], (n, size, size, 3)).astype("float32")

    return draw


@pytest.fixture(scope="session")
def randomize_statistics(pixels: Callable[..., np.ndarray]) -> Callable[..., None]:
    """Return `randomize_statistics(network, scale=None)`, for networks of random weights.

    Batch normalizations take the statistics of one batch, `scale(pixels)`, and random factors:
    after that the output depends on the input, and no two layers are alike.
    """

    def randomize(network: Any, scale: Callable[[np.ndarray], np.ndarray] | None = None) -> None:
        import keras

        size = network.input_shape[1]
        images = pixels(size, n=8, seed=1)
        norms = [
            layer
            for layer in network._flatten_layers()
            if isinstance(layer, keras.layers.BatchNormalization)
        ]
        momenta = [layer.momentum for layer in norms]
        for layer in norms:
            layer.momentum = 0.0
        network(scale(images) if scale else images, training=True)
        rng = np.random.default_rng(0)
        for layer, momentum in zip(norms, momenta, strict=True):
            layer.momentum = momentum
            *factors, mean, variance = layer.get_weights()
            factors = [value + rng.uniform(-0.3, 0.3, value.shape) for value in factors]
            layer.set_weights([*factors, mean, variance + 1e-3])

    return randomize
