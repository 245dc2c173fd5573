"""`known` of an int8 file is on the scale that it has in float."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from tests.trained_model import TrainedModel, draw
from tlearn.confidence.answers import KNOWN
from tlearn.evaluation.predictions import predict_pixels
from tlearn.export.int8_known import _evidence, even_evidence, known_logits, refit_known_for_int8
from tlearn.features.int8 import int8_outputs
from tlearn.models.classifier import HEAD


def int8_logits(model: keras.Model, calibration: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    kernel, bias = model.get_layer(KNOWN).get_weights()
    evidence = keras.Model(model.inputs[0], model.get_layer(KNOWN).input)
    return (int8_outputs(evidence, calibration, pixels) @ kernel + bias)[:, 0]


def test_logits_get_the_mean_and_the_spread_that_they_have_in_float(knowing: TrainedModel) -> None:
    model, (pixels, _) = knowing.model, draw(60, seed=5)
    before = model.get_layer(KNOWN).get_weights()
    # As if int8 had halved them, and moved all of them by 3.
    wanted = 2 * known_logits(model, pixels) + 3
    with refit_known_for_int8(model, wanted, pixels):
        found = int8_logits(model, pixels, pixels)
    assert found.mean() == pytest.approx(wanted.mean(), abs=1e-3)
    assert found.std() == pytest.approx(wanted.std(), rel=1e-3)
    for now, then in zip(model.get_layer(KNOWN).get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_where_int8_leaves_nothing_known_stays_a_number(knowing: TrainedModel) -> None:
    gray = np.full((8, *knowing.pixels.shape[1:]), 128, np.uint8)
    with refit_known_for_int8(knowing.model, np.zeros(8), gray):
        weights = knowing.model.get_layer(KNOWN).get_weights()
    assert all(np.isfinite(values).all() for values in weights)


def test_int8_tells_distances_apart_though_margins_are_much_larger(knowing: TrainedModel) -> None:
    model, (pixels, _) = knowing.model, draw(60, seed=5)
    before, evidence = model.predict(pixels, verbose=0), _evidence(model)
    head = model.get_layer(HEAD)
    weights = head.get_weights()
    head.set_weights([100 * values for values in weights])
    try:
        with even_evidence(model, pixels):
            found = int8_outputs(evidence, pixels, pixels)[:, 1]
            exact = predict_pixels(evidence.predict_on_batch, pixels)[:, 1]
    finally:
        head.set_weights(weights)
    assert np.corrcoef(found, exact)[0, 1] > 0.9
    for now, then in zip(model.predict(pixels, verbose=0), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_model_answers_in_float_as_before_where_its_evidence_is_evened(
    knowing: TrainedModel,
) -> None:
    model, (pixels, _) = knowing.model, draw(60, seed=5)
    wanted = known_logits(model, pixels)
    with even_evidence(model, pixels):
        np.testing.assert_allclose(known_logits(model, pixels), wanted, atol=1e-3)
