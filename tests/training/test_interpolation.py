"""How far the weights move from those before training, by the amount that validation supports."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import pytest

from tests.training.conftest import WIDTH
from tlearn.training.batches import Batches, Examples
from tlearn.training.interpolation import (
    DEFAULT_INTERPOLATION,
    average_interpolation,
    float_weights,
    interpolate_weights,
)

Classifier = Callable[[float], keras.Model]


@pytest.mark.parametrize(
    ("errors", "alpha"),
    [
        ([3.0] * 6, DEFAULT_INTERPOLATION),  # nothing to choose by
        ([0.1, 0.2, 0.3, 0.4, 0.5, 0.6], 0.44),  # a few images hardly move it
        ([90, 80, 70, 80, 90, 99], 0.4),  # hundreds move it to the best
        ([10, 30, 90, 400, 900, 1e9], 0.0),  # what harms gets no weight
    ],
)
def test_alpha_follows_validation_as_far_as_it_can_tell(errors: list[float], alpha: float) -> None:
    assert average_interpolation(errors) == alpha


def interpolate(
    start: float, end: float, classifier: Classifier, val: Batches | None
) -> tuple[float, keras.Model]:
    weights = [np.array(weight) for weight in float_weights(classifier(start))]
    model = classifier(end)
    alpha, _ = interpolate_weights(model, weights, val)
    return alpha, model


def test_without_validation_the_weights_are_halfway(classifier: Classifier) -> None:
    alpha, model = interpolate(1.0, 3.0, classifier, None)
    assert alpha == DEFAULT_INTERPOLATION
    kernel, _ = model.get_layer("head").get_weights()
    assert np.allclose(np.abs(kernel), 2.0)


@pytest.mark.parametrize(("start", "end", "alpha"), [(1.0, -9.0, 0.0), (-9.0, 1.0, 1.0)])
def test_with_validation_the_weights_are_where_it_is_best(
    start: float,
    end: float,
    alpha: float,
    classifier: Classifier,
    examples: Callable[..., Examples],
) -> None:
    # At every other alpha of the grid all 200 images are wrong.
    chosen, model = interpolate(start, end, classifier, Batches(examples(200), 32))
    assert chosen == alpha
    assert np.allclose(np.abs(model.get_layer("head").kernel), 1.0)


def test_weights_in_a_barrier_between_good_ones_are_not_taken(
    examples: Callable[..., Examples],
) -> None:
    def product(scale: float) -> keras.Model:
        """Right where both layers have the same sign, and at a loss where they are 0."""
        model = keras.Sequential(
            [
                keras.Input((WIDTH,)),
                keras.layers.Dense(WIDTH, use_bias=False),
                keras.layers.Dense(2, "softmax", use_bias=False),
            ]
        )
        model.set_weights([scale * np.eye(WIDTH), np.tile([-scale, scale], (WIDTH, 1))])
        return model

    model, start = product(-3.0), [np.array(weight) for weight in product(3.0).weights]
    alpha, score = interpolate_weights(model, start, Batches(examples(60), 32))
    assert average_interpolation([0.0] * 6) == 0.5  # where both layers are 0
    assert score is not None and score.accuracy == 1.0
    assert alpha in (0.0, 0.2, 0.8, 1.0)


def test_what_was_scored_before_is_not_scored_again(
    classifier: Classifier, examples: Callable[..., Examples]
) -> None:
    # The errors that are known are made up: they would be those of the other end.
    weights = [np.array(weight) for weight in float_weights(classifier(-9.0))]
    val = Batches(examples(200), 32)
    alpha, _ = interpolate_weights(classifier(1.0), weights, val, {0.0: 0.0, 1.0: 400.0})
    assert alpha == 0.0


def test_the_states_of_random_generators_are_not_weights() -> None:
    inputs = keras.Input((3,))
    x = keras.layers.Dropout(0.5, seed=1)(keras.layers.BatchNormalization()(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2)(x))
    assert len(float_weights(model)) == 6 < len(model.variables)
