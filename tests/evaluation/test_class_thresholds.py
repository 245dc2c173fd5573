"""Thresholds of several classes are chosen on some images and measured on others."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.class_thresholds import choose_thresholds, measure_thresholds

CLASSES = ("ant", "bee", "cat")


def test_they_are_chosen_here_and_measured_there() -> None:
    rows = np.array([[0.4, 0.4, 0.2], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    chosen = choose_thresholds(rows, np.array([0, 1, 1, 0]), CLASSES)
    assert [threshold.label for threshold in chosen] == [*CLASSES]
    assert chosen[0].threshold == pytest.approx(0.35) and chosen[0].chosen_f1 == 1
    assert chosen[2].threshold is None and chosen[2].f1 is None
    elsewhere = np.array([[0.36, 0.45, 0.19], [0.5, 0.4, 0.1], [0.1, 0.9, 0.0]])
    ant, bee, cat = measure_thresholds(chosen, elsewhere, np.array([1, 0, 1]))
    assert (ant.precision, ant.recall, ant.f1) == pytest.approx((1 / 2, 1, 2 / 3))
    assert (bee.precision, bee.recall) == pytest.approx((1, 1 / 2)) and cat.f1 is None
