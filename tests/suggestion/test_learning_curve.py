"""The curve forecasts what more images would gain, and nothing where it cannot be measured."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest

from tlearn.data.split import Fold
from tlearn.features.linear_head import held_out_probabilities
from tlearn.suggestion.learning_curve import SHARES, LearningCurve, measure_curve

CLASSES = 4


def blobs(n: int, seed: int = 0, width: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Return overlapping Gaussian classes: more examples estimate their directions better."""
    rng = np.random.default_rng(seed)
    centers = np.random.default_rng(7).normal(0, 0.45, (CLASSES, width))
    labels = np.arange(n) % CLASSES
    return (centers[labels] + rng.normal(size=(n, width))).astype(np.float32), labels


def folds_of(n: int) -> list[Fold]:
    rows = np.arange(n)
    fold = rows // CLASSES % 5
    return [(rows[fold != k], rows[fold == k]) for k in range(5)]


def measure(features: np.ndarray, labels: np.ndarray) -> LearningCurve:
    solve = partial(held_out_probabilities, features, labels, CLASSES)
    return measure_curve(labels, folds_of(len(labels)), lambda folds, by: solve(folds, 0.3 * by))


def test_the_forecast_for_twice_the_images_comes_true() -> None:
    curve = measure(*blobs(200))
    assert list(curve.accuracies) == sorted(curve.accuracies) and curve.helps
    truth = measure(*blobs(400, seed=1)).accuracies[-1]
    assert curve.accuracies[-1] + 0.02 < truth
    assert curve.accuracy_with(2) == pytest.approx(truth, abs=0.04)


def test_no_gain_is_forecast_where_more_images_do_not_help() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(200) % CLASSES
    curve = measure(rng.normal(size=(200, 5)).astype(np.float32), labels)
    assert not curve.helps
    assert curve.images_for(0.2) is None


def test_counts_follow_the_power_law() -> None:
    nothing = np.zeros(CLASSES)
    curve = LearningCurve(100, (0.6, 0.7, 0.8), 0.02, 0.5, nothing, nothing)
    assert curve.accuracy_with(4) == pytest.approx(0.9)
    assert curve.accuracy_with(40) == curve.accuracy_with(4)  # no farther extrapolation
    assert curve.images_for(0.1) == 300
    assert curve.gain(300) == pytest.approx(0.1)
    assert curve.images_for(0.15) is None  # sixteen times as many
    assert curve.images_for(0.3) is None  # more than there is to win


@pytest.mark.parametrize("slope", [1e-2, 1e-5, 1e-300])
def test_a_nearly_flat_curve_asks_for_more_images_than_there_are_numbers(
    slope: float,
) -> None:
    nothing = np.zeros(CLASSES)
    curve = LearningCurve(100, (0.79, 0.79, 0.79), 0.02, slope, nothing, nothing)
    assert curve.images_for(0.2) is None


@pytest.mark.parametrize(("per_class", "drawn"), [(2, False), (3, False), (4, True)])
def test_shares_of_very_few_images_are_the_same_images(per_class: int, drawn: bool) -> None:
    features, labels = blobs(per_class * CLASSES)
    rows, fold = np.arange(len(labels)), np.arange(len(labels)) // CLASSES
    folds = [(rows[fold != k], rows[fold == k]) for k in range(per_class)]
    solve = partial(held_out_probabilities, features, labels, CLASSES)
    curve = measure_curve(labels, folds, lambda folds, by: solve(folds, 0.3 * by))
    assert curve.drawn is drawn and (drawn or not curve.helps)


def test_classes_whose_recall_still_grows_come_first() -> None:
    curve = LearningCurve(
        100, (0.5, 0.6, 0.7), 0.02, 0.3, np.array([0, 0.3, 0, 0]), np.array([1, 0.8, 0.6, 0.9])
    )
    assert curve.classes_to_feed() == [1, 2, 3]


def test_smaller_shares_are_subsets_of_larger_ones_with_every_class() -> None:
    seen: list[list[np.ndarray]] = []

    def held_out(folds: Sequence[Fold], by: float) -> list[np.ndarray]:
        seen.append([rows for rows, _ in folds])
        return [np.eye(CLASSES)[np.zeros(len(out), int)] for _, out in folds]

    labels = np.arange(60) % CLASSES
    folds = folds_of(60)
    measure_curve(labels, folds, held_out)
    for few, half, every, (rows, _) in zip(*seen, folds, strict=True):
        assert set(few) < set(half) < set(every) == set(rows)
        assert set(labels[few]) == set(range(CLASSES))
        assert len(few) == pytest.approx(SHARES[0] * len(every), abs=CLASSES)


def test_the_curve_draws_whole_groups_and_doubts_them_more() -> None:
    labels = np.arange(240) % CLASSES
    groups = [f"patient{row // 24}" for row in range(240)]  # six images of every class each
    fitted: list[set[str]] = []

    def held_out(folds: Sequence[Fold], by: float) -> list[np.ndarray]:
        fitted.append({groups[row] for row in folds[0][0][labels[folds[0][0]] == 0]})
        wrong = [np.array([groups[row] == "patient3" for row in out]) for _, out in folds]
        return [
            np.eye(CLASSES)[(labels[out] + w) % CLASSES]
            for (_, out), w in zip(folds, wrong, strict=True)
        ]

    rows = np.arange(240)
    folds = [(rows[rows // 48 != k], rows[rows // 48 == k]) for k in range(5)]
    grouped = measure_curve(labels, folds, held_out, groups=groups)
    assert [len(names) for names in fitted] == [2, 4, 8] and fitted[0] < fitted[1] < fitted[2]
    single = measure_curve(labels, folds, held_out)
    assert grouped.accuracies == single.accuracies == (0.9, 0.9, 0.9)
    assert grouped.error > 3 * single.error
