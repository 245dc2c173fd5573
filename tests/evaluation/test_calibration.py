"""Probabilities held against what happened, and against chance."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.confidence.temperature import with_temperature
from tlearn.evaluation.calibration import (
    brier_scores,
    log_losses,
    measure_calibration,
    reliability_bins,
)


def answers(n: int, sharper: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of a model, and whether it is right as often as it says before sharpening."""
    rng = np.random.default_rng(seed)
    logits = rng.uniform(0, 3, n)
    right = rng.random(n) < 1 / (1 + np.exp(-logits))
    return 1 / (1 + np.exp(-sharper * logits)), right


def test_bins_are_fifteen_of_equal_width() -> None:
    confidence = (np.arange(15) + 0.5) / 15
    assert len(reliability_bins(confidence, np.ones(15))) == 15
    edges = reliability_bins(np.array([0.0, 1 / 15 - 1e-9, 1.0]), np.array([1, 0, 1]))
    assert [group["n"] for group in edges] == [2, 1]
    assert edges[0]["accuracy"] == 0.5


def test_an_error_is_the_weighted_gap_of_the_bins() -> None:
    confidence, right = answers(300, 2.0)
    bins = reliability_bins(confidence, right)
    gaps = [row["n"] / 300 * abs(row["accuracy"] - row["confidence"]) for row in bins]
    assert measure_calibration(confidence, right).error == pytest.approx(sum(gaps))


def test_a_calibrated_model_is_within_chance_and_an_overconfident_one_is_not() -> None:
    within = 0
    for seed in range(20):
        found = measure_calibration(*answers(150, seed=seed))
        low, high = found.interval
        assert 0 <= low <= found.error <= high and 0 < found.by_chance < found.by_chance_high
        within += low == 0
    assert within >= 17
    too_sure = measure_calibration(*answers(300, 3.0))
    assert too_sure.error > too_sure.by_chance_high and too_sure.interval[0] > 0


def test_chance_gives_less_on_more_images() -> None:
    few, many = (measure_calibration(*answers(n)).by_chance for n in (60, 960))
    assert many == pytest.approx(few / 4, rel=0.3)


def test_chance_gives_more_where_images_of_a_group_are_right_together() -> None:
    confidence = np.full(200, 0.8)
    right = np.repeat(np.arange(20) % 5 != 0, 10)
    groups = [*np.repeat([str(n) for n in range(20)], 10)]
    grouped = measure_calibration(confidence, right, groups)
    single = measure_calibration(confidence, right)
    assert grouped.by_chance > 2 * single.by_chance
    assert grouped.interval[1] > single.interval[1]


def test_the_same_images_give_the_same_numbers() -> None:
    assert measure_calibration(*answers(80)) == measure_calibration(*answers(80))


def test_brier_and_log_loss_agree_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss, log_loss

    rng = np.random.default_rng(0)
    for n_classes in (2, 4):
        rows = rng.dirichlet(np.ones(n_classes), 50)
        labels = np.arange(50) % n_classes
        assert brier_scores(rows, labels).mean() == pytest.approx(
            brier_score_loss(labels, rows[:, 1] if n_classes == 2 else rows)
        )
        assert log_losses(rows, labels).mean() == pytest.approx(log_loss(labels, rows))


def test_a_temperature_is_taken_back() -> None:
    logits = np.random.default_rng(0).normal(size=(20, 3)) * 4

    def softmax(values: np.ndarray) -> np.ndarray:
        powers = np.exp(values)
        return powers / powers.sum(axis=1, keepdims=True)

    assert with_temperature(softmax(logits / 2.5), 1 / 2.5) == pytest.approx(softmax(logits))
