"""The output `known` of a network is what its record computes."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tlearn.confidence.novelty import Novelty, fit_novelty, fit_subspace, margins
from tlearn.features.head import centered
from tlearn.models.classifier import HEAD, build_classifier
from tlearn.models.known import known_embedding, pooled_widths, set_known, with_known
from tlearn.models.known_weights import known_stages, known_weights, read_known

CLASSES, AXES = 4, 3


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((24, 24, 3), name="image")
    first = keras.layers.Conv2D(8, 3, activation="relu")(image)
    second = keras.layers.Conv2D(12, 3, strides=2, activation="relu")(first)
    model = build_classifier(keras.Model(image, second), CLASSES)
    head = model.get_layer(HEAD)
    head.set_weights([centered(weights) for weights in head.get_weights()])
    return with_known(model, [first, second], AXES)


def pixels(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (n, 24, 24, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def fitted() -> tuple[keras.Model, Novelty, np.ndarray, np.ndarray]:
    model, images = network(), pixels(40)
    features = known_embedding(model).predict_on_batch(images)
    probabilities = model.predict_on_batch(images)[0]
    logits = np.log(probabilities)
    subspace = fit_subspace(features, pooled_widths(model), AXES)
    novelty = fit_novelty(subspace, margins(logits), subspace.residuals(features), "val")
    set_known(model, novelty)
    return model, novelty, features, logits


def test_the_network_computes_what_its_record_does(fitted: tuple) -> None:
    model, novelty, features, logits = fitted
    known = model.predict_on_batch(pixels(40))[1]
    assert known.shape == (40, 1)
    np.testing.assert_allclose(known[:, 0], novelty.known(features, logits), atol=2e-3)


def test_the_record_is_read_back_from_the_weights(fitted: tuple) -> None:
    _, novelty, features, logits = fitted
    again = read_known(known_weights(novelty))
    np.testing.assert_allclose(
        again.known(features, logits), novelty.known(features, logits), atol=1e-5
    )


def test_the_probabilities_stay_what_they_were(fitted: tuple) -> None:
    model, *_ = fitted
    alone = keras.Model(model.inputs[0], model.outputs[0])
    np.testing.assert_array_equal(
        alone.predict_on_batch(pixels(5)), model.predict_on_batch(pixels(5))[0]
    )


def test_the_widths_are_those_of_the_maps(fitted: tuple) -> None:
    assert pooled_widths(fitted[0]) == [8, 12]


@pytest.mark.parametrize(
    ("head_stages", "stages"), [([5], [3, 4, 5]), ([2], [1, 2]), ([1], [1]), ([2, 5], [3, 4, 5])]
)
def test_the_last_stages_that_the_head_knows_are_read(
    head_stages: list[int], stages: list[int]
) -> None:
    assert known_stages(head_stages) == stages
