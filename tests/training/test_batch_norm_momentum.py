"""Moving statistics follow the batches of an epoch, however few those are."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tlearn.training.batch_norm_momentum import follow_batches

BATCH = np.random.default_rng(0).normal(5, 2, (32, 4)).astype(np.float32)


def network(momentum: float = 0.99, trainable: bool = True) -> keras.Model:
    inputs = keras.Input((4,))
    norm = keras.layers.BatchNormalization(momentum=momentum, trainable=trainable, name="norm")
    return keras.Model(inputs, norm(inputs))


@pytest.mark.parametrize("steps", [1, 3, 20])
def test_after_an_epoch_the_statistics_are_those_of_its_batches(steps: int) -> None:
    model = network()
    follow_batches(model, steps)
    for _ in range(steps):
        model(BATCH, training=True)
    expected = 0.9 * BATCH.mean(axis=0)
    np.testing.assert_allclose(model.get_layer("norm").moving_mean, expected, rtol=1e-4)


def test_a_memory_shorter_than_an_epoch_stays() -> None:
    model = network(momentum=0.9)
    follow_batches(model, 1000)
    assert model.get_layer("norm").momentum == 0.9


def test_a_frozen_normalization_stays_as_it_is() -> None:
    model = network(trainable=False)
    follow_batches(model, 3)
    assert model.get_layer("norm").momentum == 0.99
