"""A rate for each layer: the ratio of updates is the ratio of rates."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

from tlearn.training.optimizer import make_optimizer

FACTORS = {"low": 0.01, "middle": 0.1, "head": 1.0}


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    inputs = keras.Input((4,))
    x = inputs
    for name in FACTORS:
        x = keras.layers.Dense(4, use_bias=False, name=name)(x)
    return keras.Model(inputs, x)


def factors(model: keras.Model) -> dict[str, float]:
    return {v.path: FACTORS[v.path.split("/")[0]] for v in model.trainable_variables}


def one_step(name: str, rates: dict[str, float] | None, **options: float) -> dict[str, np.ndarray]:
    """Each layer's update in one step of `fit`, at the same gradients whatever the rates."""
    model = network()
    rates = factors(model) if rates is None else rates
    optimizer = make_optimizer(name, 0.01, rates, **options)
    # Once as a graph, in which a variable has no path; else eagerly, which is quicker.
    model.compile(optimizer, loss="mse", run_eagerly=bool(options) or name != "adam")
    before = {v.path: v.numpy() for v in model.trainable_variables}
    rng = np.random.default_rng(0)
    model.fit(rng.normal(size=(8, 4)), rng.normal(size=(8, 4)), batch_size=8, verbose=0)
    return {v.path.split("/")[0]: v.numpy() - before[v.path] for v in model.trainable_variables}


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop", "adagrad"])
@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.5}, {"weight_decay": 0.5}])
def test_updates_stand_in_the_ratio_of_the_rates(name: str, options: dict[str, float]) -> None:
    plain, scaled = one_step(name, {}, **options), one_step(name, None, **options)
    for layer, factor in FACTORS.items():
        np.testing.assert_allclose(scaled[layer], plain[layer] * factor, rtol=2e-3, atol=2e-7)
        assert np.abs(plain[layer]).max() > 1e-5


def test_the_rates_survive_mixed_precision() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        plain, scaled = one_step("adam", {}), one_step("adam", None)
    finally:
        keras.config.set_dtype_policy("float32")
    np.testing.assert_allclose(scaled["low"], plain["low"] * 0.01, rtol=2e-2, atol=1e-6)


def test_the_rates_survive_save_and_reload(tmp_path: Path) -> None:
    model = network()
    model.compile(make_optimizer("adam", 0.01, factors(model)), loss="mse")
    x = np.random.default_rng(0).normal(size=(8, 4))
    model.fit(x, x, verbose=0)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.optimizer.rate_factors == factors(model)
    for network_ in (model, again):
        network_.fit(x, x, verbose=0, shuffle=False)
    for left, right in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)
