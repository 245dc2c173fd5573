"""Two answers are the same as a person would read them: class, labels, or nearly one number."""

from __future__ import annotations

import numpy as np

from tlearn.confidence.alike import NUMBER_STEP, same_answers


def test_classes_are_the_same_by_the_most_probable() -> None:
    one, other = np.array([[0.6, 0.4], [0.6, 0.4]]), np.array([[0.9, 0.1], [0.4, 0.6]])
    assert same_answers("classes", one, other).tolist() == [True, False]


def test_labels_are_the_same_by_every_threshold() -> None:
    one, other = np.array([[0.4, 0.2]] * 2), np.array([[0.31, 0.2], [0.29, 0.2]])
    assert same_answers("labels", one, other, (0.3, 0.5)).tolist() == [True, False]
    assert same_answers("labels", one, other).tolist() == [True, True]


def test_numbers_are_the_same_within_a_share_of_their_spread() -> None:
    one = np.array([[100.0], [100.0], [100.0]])
    other = np.array([[100 + 9 * NUMBER_STEP], [100 + 11 * NUMBER_STEP], [np.nan]])
    assert same_answers("number", one, other, scale=10.0).tolist() == [True, False, False]
