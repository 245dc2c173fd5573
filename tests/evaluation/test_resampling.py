"""Accuracies on several splits: their interval holds as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import stdtrit

from tlearn.evaluation.resampling import Repeat, Repeats, corrected_interval


def test_the_interval_is_that_of_nadeau_and_bengio() -> None:
    low, high = corrected_interval([0.8, 0.9, 0.85, 0.75, 0.7], 0.25)
    variance = np.var([0.8, 0.9, 0.85, 0.75, 0.7], ddof=1)
    assert (low + high) / 2 == pytest.approx(0.8)
    assert (high - low) / 2 == pytest.approx(2.7764451 * math.sqrt((1 / 5 + 1 / 4) * variance))


def test_the_interval_stays_within_0_and_1() -> None:
    assert corrected_interval([1.0, 0.5], 0.25) == (0.0, 1.0)


def repeats(*accuracies: float, same_test: bool = False) -> Repeats:
    return Repeats("folds", tuple(Repeat(a, 80, 20, 1.0) for a in accuracies), same_test)


def test_without_a_spread_there_is_no_interval() -> None:
    assert repeats(1.0, 1.0, 1.0).interval is None and repeats(1.0, 1.0, 1.0).mean == 1.0
    assert repeats(0.9, 1.0, same_test=True).interval is None
    assert repeats(0.9, 1.0, 0.95).interval == corrected_interval([0.9, 1.0, 0.95], 0.25)


def test_an_error_may_be_larger_than_one() -> None:
    of_number = Repeats("folds", repeats(4.0, 9.0, 5.0).each, score="mae")
    assert of_number.interval == corrected_interval([4.0, 9.0, 5.0], 0.25, math.inf)
    assert of_number.interval[1] > 6 and of_number.in_words().startswith("off by 6 on average of 3")
    assert repeats(0.9, 1.0).in_words().startswith("95.0% right on average of 2 (90.0% to 100.0%;")


def nearest_mean_accuracies(
    n: int, k: int, drawn: bool, rng: np.random.Generator
) -> tuple[list[float], float]:
    """Test a nearest-mean classifier on each split of n points; also return its true accuracy."""
    shift, width, splits = 0.5, 8, []
    labels = np.arange(n) % 2
    points = rng.normal(size=(n, width)) + shift * (2 * labels[:, None] - 1)
    order = rng.permutation(n)
    for fold in range(k):
        held_out = rng.permutation(n)[: n // 5] if drawn else order[fold::k]
        splits.append(np.isin(np.arange(n), held_out))
    measured, true = [], []
    for tested in splits:
        means = [points[~tested & (labels == label)].mean(axis=0) for label in (0, 1)]
        axis, middle = means[1] - means[0], (means[0] + means[1]) / 2
        answers = (points[tested] - middle) @ axis > 0
        measured.append(float((answers == labels[tested]).mean()))
        centers = shift * np.array([[1.0], [-1.0]]) * np.ones(width) - middle
        margins = np.array([1, -1]) * (centers @ axis) / np.linalg.norm(axis)
        true.append(float(np.mean([0.5 * math.erfc(-margin / math.sqrt(2)) for margin in margins])))
    return measured, float(np.mean(true))


@pytest.mark.parametrize(("k", "drawn", "short_of"), [(5, False, 0.94), (10, True, 0.75)])
def test_it_holds_the_truth_as_often_as_it_says_where_independence_would_not(
    k: int, drawn: bool, short_of: float
) -> None:
    rng, n_rounds, test_per_train = np.random.default_rng(0), 600, 1 / 4
    kept = naive = 0
    for _ in range(n_rounds):
        measured, true = nearest_mean_accuracies(60, k, drawn, rng)
        low, high = corrected_interval(measured, test_per_train)
        kept += low <= true <= high
        half = stdtrit(k - 1, 0.975) * math.sqrt(np.var(measured, ddof=1) / k)
        naive += abs(np.mean(measured) - true) <= half
    assert kept / n_rounds > 0.92 and naive / n_rounds < short_of
