"""Areas, curves and thresholds against scikit-learn and against cases worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.roc import (
    average_precision,
    best_f1_threshold,
    macro_roc_auc,
    roc_auc,
    roc_curve,
)


def ranked(n: int = 60, apart: float = 1.5, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Scores with ties, and which images are positive: a third."""
    truth = np.arange(n) % 3 == 0
    scores = np.random.default_rng(seed).normal(size=n) + apart * truth
    return np.round(1 / (1 + np.exp(-scores)), 2), truth


def test_areas_agree_with_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score, roc_auc_score

    scores, truth = ranked()
    found = roc_auc(scores, truth)
    assert found and found[0] == pytest.approx(roc_auc_score(truth, scores))
    assert average_precision(scores, truth) == pytest.approx(average_precision_score(truth, scores))
    rows = np.random.default_rng(0).dirichlet(np.ones(3), 40)
    labels = np.arange(40) % 3
    expected = roc_auc_score(labels, rows, multi_class="ovr")
    assert macro_roc_auc(rows, labels) == pytest.approx(expected)


def test_the_interval_holds_the_true_area() -> None:
    # Two normal distributions 1.5 apart: the area is Phi(1.5 / sqrt(2)).
    found = [roc_auc(*ranked(seed=seed)) for seed in range(200)]
    held = [low <= 0.8556 <= high for _, (low, high) in filter(None, found)]
    assert len(held) == 200 and 184 <= sum(held) <= 200


def test_a_perfect_ranking_of_few_images_is_no_certainty() -> None:
    area, (low, high) = roc_auc(np.array([0.1, 0.2, 0.8, 0.9]), np.arange(4) > 1) or (0, (0, 0))
    assert area == 1 and high == 1 and 0.2 < low < 0.8
    many = roc_auc(np.linspace(0, 1, 400), np.arange(400) > 199)
    assert many and many[1][0] > 0.97


def test_images_of_groups_tell_less() -> None:
    (scores, truth), names = ranked(30), [str(n) for n in range(30)]
    assert roc_auc(scores, truth, names) == roc_auc(scores, truth)
    scores, truth = np.repeat(scores, 6), np.repeat(truth, 6)
    plain, grouped = roc_auc(scores, truth), roc_auc(scores, truth, [*np.repeat(names, 6)])
    assert plain and grouped and plain[0] == pytest.approx(grouped[0])
    assert grouped[1][0] < plain[1][0] and plain[1][1] < grouped[1][1]


def test_images_of_one_side_have_no_area_and_no_curve() -> None:
    scores, one_side = np.array([0.2, 0.7]), np.array([True, True])
    assert roc_auc(scores, one_side) is None and roc_curve(scores, one_side) == ()
    assert average_precision(scores, ~one_side) is None
    assert best_f1_threshold(scores, ~one_side) is None
    assert macro_roc_auc(np.eye(2)[[0, 0]], np.array([0, 0])) is None


def test_a_curve_runs_from_corner_to_corner_and_stays_short() -> None:
    scores, truth = ranked(5000)
    curve = roc_curve(scores + np.arange(5000) * 1e-9, truth)
    assert curve[0] == (0, 0) and curve[-1] == (1, 1) and len(curve) <= 200
    assert all(np.diff(np.array(curve), axis=0).min(axis=0) >= 0)


def test_the_threshold_with_the_best_f1_lies_between_scores() -> None:
    scores = np.array([0.9, 0.8, 0.6, 0.6, 0.2])
    truth = np.array([True, True, False, True, False])
    # At .6 three of four found are right and none is missed: F1 is 6/7.
    assert best_f1_threshold(scores, truth) == pytest.approx((0.4, 6 / 7))
    assert best_f1_threshold(np.array([0.5, 0.5]), np.array([True, False])) == pytest.approx(
        (0.25, 2 / 3)
    )
