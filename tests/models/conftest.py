"""Networks with weights that a wrong order or a lost layer would show."""

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
    """Nothing is read from this machine's Keras cache, nor fetched."""
    home = tmp_path_factory.mktemp("keras")
    monkeypatch.setenv("KERAS_HOME", str(home))
    monkeypatch.setenv("TLEARN_WEIGHTS_URL", "http://127.0.0.1:9")
    return home


@pytest.fixture(scope="session")
def shake_batch_norm() -> Callable[..., None]:
    """`shake_batch_norm(network, seed=0)` gives batch normalisations statistics of their own."""

    def shake(network: Any, seed: int = 0) -> None:
        import keras

        rng = np.random.default_rng(seed)
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                values = layer.get_weights()
                spread = [rng.uniform(0.7, 1.3, value.shape) for value in values]
                spread[-2] = rng.normal(0, 0.1, values[-2].shape)
                layer.set_weights(spread)

    return shake


@pytest.fixture(scope="session")
def pixels() -> Callable[..., np.ndarray]:
    """`pixels(size, n=2, seed=0)`: random 0-255 RGB pictures whose channels differ in mean."""

    def draw(size: int, n: int = 2, seed: int = 0) -> np.ndarray:
        rng = np.random.default_rng(seed)
        return rng.integers([0, 40, 90], [120, 200, 256], (n, size, size, 3)).astype("float32")

    return draw
