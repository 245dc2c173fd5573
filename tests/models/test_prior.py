"""A classifier set for other shares of the classes answers by them, and knows what it knew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.trained_model import TrainedModel
from tlearn.confidence.answers import Answers
from tlearn.evaluation.prior import with_prior
from tlearn.export.write import write_and_check
from tlearn.models.prior import with_prior_layer

TRAINED_ON, EXPECTED = np.array([0.2, 0.3, 0.5]), np.array([0.9, 0.09, 0.01])


def test_the_model_answers_by_the_shares_and_known_stays(knowing: TrainedModel) -> None:
    model = with_prior_layer(knowing.model, TRAINED_ON, EXPECTED)
    probabilities, known = model.predict(knowing.pixels.astype("float32"), verbose=0)
    expected = with_prior(knowing.probabilities, TRAINED_ON, EXPECTED)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    np.testing.assert_allclose(known[:, 0], knowing.known, atol=1e-6)
    before = knowing.model.predict(knowing.pixels.astype("float32"), verbose=0)[0]
    np.testing.assert_array_equal(before, knowing.probabilities)


def test_a_model_without_known_keeps_a_single_output(trained: TrainedModel) -> None:
    model = with_prior_layer(trained.model, TRAINED_ON, EXPECTED)
    probabilities = model.predict(trained.pixels.astype("float32"), verbose=0)
    expected = with_prior(trained.probabilities, TRAINED_ON, EXPECTED)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


@pytest.mark.parametrize(("mode", "tolerance"), [("none", 1e-4), ("int8", 0.25)])
def test_a_file_answers_by_the_shares_too(
    knowing: TrainedModel, tmp_path: Path, mode: str, tolerance: float
) -> None:
    model = with_prior_layer(knowing.model, TRAINED_ON, EXPECTED)
    expected = with_prior(knowing.probabilities, TRAINED_ON, EXPECTED).astype(np.float32)
    inputs = replace(knowing.inputs(), model=model, expected=Answers(expected, knowing.known))
    artifact = write_and_check(inputs, tmp_path, ("tflite", mode))
    assert artifact.passed and artifact.agreement > 0.9
    assert artifact.largest_difference < tolerance
    assert artifact.known_difference is not None and artifact.known_difference < tolerance
