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
    with follow_batches(model, steps):
        for _ in range(steps):
            model(BATCH, training=True)
    expected = 0.9 * BATCH.mean(axis=0)
    np.testing.assert_allclose(model.get_layer("norm").moving_mean, expected, rtol=1e-4)
    assert model.get_layer("norm").momentum == 0.99  # as it came, for whoever trains it next


@pytest.mark.parametrize(("model", "steps"), [(network(0.9), 1000), (network(0.9, False), 3)])
def test_a_short_memory_and_a_frozen_normalization_stay_as_they_are(
    model: keras.Model, steps: int
) -> None:
    with follow_batches(model, steps):
        assert model.get_layer("norm").momentum == 0.9
