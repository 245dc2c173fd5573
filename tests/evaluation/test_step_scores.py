"""Scores of classes in order against scikit-learn, with intervals that count groups."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.metrics import score
from tlearn.evaluation.step_scores import score_steps


def draw(groups: int, size: int = 1) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw steps, answers whose errors a group shares, and the groups."""
    rng = np.random.default_rng(0)
    truth = np.repeat(rng.integers(0, 5, groups), size)
    off = np.repeat(rng.integers(-1, 2, groups), size)
    return (truth + off).clip(0, 4), truth, [str(row // size) for row in range(groups * size)]


def test_kappa_is_that_of_scikit_learn() -> None:
    from sklearn.metrics import cohen_kappa_score

    answers, truth, _ = draw(100)
    found = score_steps(answers, truth, ())
    assert found.kappa == pytest.approx(cohen_kappa_score(truth, answers, weights="quadratic"))
    assert found.mae == pytest.approx(np.abs(answers - truth).mean())
    assert found.mae_of_median == pytest.approx(np.abs(truth - np.median(truth)).mean())
    assert found.within_one == 1 and found.exact == pytest.approx((answers == truth).mean())


def test_intervals_hold_the_scores_and_are_wider_of_groups() -> None:
    answers, truth, groups = draw(30, 10)
    apart, grouped = score_steps(answers, truth, ()), score_steps(answers, truth, groups)
    for name in ("mae", "kappa", "exact"):
        low, high = getattr(grouped, f"{name}_interval")
        assert low < getattr(grouped, name) < high
        assert high - low > 1.5 * np.ptp(getattr(apart, f"{name}_interval"))


def test_right_answers_to_few_images_are_no_proof() -> None:
    found = score_steps(np.arange(5), np.arange(5), ())
    assert found.kappa == 1 and found.kappa_interval is not None
    low, high = found.kappa_interval
    assert low < 0.9 and high == 1
    assert found.mae_interval is not None
    assert found.mae_interval == pytest.approx((0, 1 - found.exact_interval[0]))


def test_one_class_alone_has_no_kappa() -> None:
    assert score_steps(np.full(4, 2), np.full(4, 2), ()).kappa is None


def test_all_scores_are_of_the_answer_in_the_middle() -> None:
    p = np.array([[0.4, 0.3, 0.3]] * 4)
    labels = np.array([0, 1, 1, 2])
    report = score(p, labels, ["1", "2", "3"], "test", ordered=True)
    assert report.accuracy == 0.5 and report.top_k[1] == 0.5
    assert report.confusion == [[0, 1, 0], [0, 2, 0], [0, 1, 0]]
    assert report.calibration_error == pytest.approx(0.2)  # .3 said, .5 right
    assert report.steps is not None and report.steps.exact == 0.5 and report.steps.mae == 0.5
    assert score(p, labels, ["1", "2", "3"], "test").accuracy == 0.25
