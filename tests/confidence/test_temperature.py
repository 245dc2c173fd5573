"""Probabilities mean what they say after a temperature, and a few images say little."""

import numpy as np
import pytest

from tlearn.confidence.temperature import fit_temperature, with_temperature
from tlearn.features.logistic_regression import softmax


def sampled(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return true probabilities of n images and labels that were drawn by them."""
    rng = np.random.default_rng(seed)
    probabilities = softmax(rng.normal(0, 2, (n, 4)))
    labels = np.array([rng.choice(4, p=row / row.sum()) for row in probabilities])
    return probabilities, labels


@pytest.mark.parametrize("wrong", [0.4, 2.5])
def test_a_temperature_that_was_taken_away_is_found(wrong: float) -> None:
    probabilities, labels = sampled(1500)
    found = fit_temperature(with_temperature(probabilities, wrong), labels, "val")
    assert found.value * wrong == pytest.approx(1, rel=0.15)
    assert (found.fitted_on, found.n) == ("val", 1500)


def test_calibrated_answers_are_left_alone() -> None:
    probabilities, labels = sampled(200)
    assert fit_temperature(probabilities, labels, "val").value == 1


def test_a_few_answers_that_are_all_right_do_not_make_the_model_certain() -> None:
    probabilities = np.full((10, 2), [0.9, 0.1])
    assert fit_temperature(probabilities, np.zeros(10, int), "val").value > 0.3


def test_no_images_leave_the_temperature_at_one() -> None:
    found = fit_temperature(np.empty((0, 3)), np.empty(0, int), "val")
    assert (found.value, found.fitted_on) == (1, "none")


def test_a_temperature_is_undone_by_its_inverse_and_keeps_the_order() -> None:
    probabilities, _ = sampled(50)
    flatter = with_temperature(probabilities, 3.0)
    assert (flatter.argmax(1) == probabilities.argmax(1)).all()
    assert with_temperature(flatter, 1 / 3.0) == pytest.approx(probabilities, abs=1e-9)


def test_a_probability_of_zero_stays_finite() -> None:
    answer = with_temperature(np.array([[1.0, 0.0]]), 2.0)
    assert np.isfinite(answer).all()
    assert answer.sum() == pytest.approx(1)
