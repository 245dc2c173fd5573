"""Scores while training are the losses that training minimizes, and what is unknown is left out."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.training.objective import losses, score

LABELS = np.array([[1, 0, np.nan], [0, 1, 1]], np.float32)
ANSWERS = np.array([[0.9, 0.2, 0.1], [0.6, 0.7, 0.8]], np.float32)


@pytest.mark.parametrize(
    ("task", "targets", "answers"),
    [
        ("classes", np.eye(3, dtype=np.float32)[:2], ANSWERS / ANSWERS.sum(1, keepdims=True)),
        ("labels", LABELS, ANSWERS),
        ("number", np.float32([[0.5], [-3]]), np.float32([[0.4], [0.2]])),
    ],
)
def test_a_score_is_the_loss(task: str, targets: np.ndarray, answers: np.ndarray) -> None:
    loss = np.asarray(losses(task)["loss"](targets, answers)).mean()
    assert score(task, targets, answers)[0] / 2 == pytest.approx(float(loss), rel=1e-4)


def test_an_unknown_label_neither_costs_nor_counts() -> None:
    sums = score("labels", LABELS, ANSWERS)
    other = ANSWERS.copy()
    other[0, 2] = 0.99
    np.testing.assert_array_equal(score("labels", LABELS, other), sums)
    assert sums[1] == pytest.approx(1 + 2 / 3)


def test_the_accuracy_of_labels_is_that_of_the_known_ones() -> None:
    (metric,) = losses("labels")["metrics"]
    metric.update_state(LABELS, ANSWERS)
    assert float(metric.result()) == pytest.approx((1 + 2 / 3) / 2)
    assert not losses("number")["metrics"]
