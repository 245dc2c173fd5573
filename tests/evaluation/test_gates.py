"""Limits on both sides, and by how much they are missed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tlearn.errors import RecipeError
from tlearn.evaluation.gates import Gates, check_gates
from tlearn.evaluation.metrics import Report, score

CLASSES = ("ant", "bee", "cat")


@pytest.fixture(scope="module")
def report() -> Report:
    """Seventeen of twenty right: all ten ants, seven of ten bees; no cat."""
    labels = np.repeat([0, 1], 10)
    answers = np.where(np.arange(20) > 16, 0, labels)
    return score(np.full((20, 3), 0.1) + 0.7 * np.eye(3)[answers], labels, CLASSES, "test")


def test_a_limit_that_is_just_met_is_kept(report: Report) -> None:
    (outcome,) = check_gates(report, Gates(min_accuracy=0.85))
    assert outcome.passed and outcome.n_missing == 0
    assert outcome.message == "accuracy is 85.0%, at least 85% (17 of 20 images right)"


def test_a_miss_says_by_how_much_and_how_many_images(report: Report) -> None:
    (outcome,) = check_gates(report, Gates(min_accuracy=0.901))
    assert not outcome.passed and outcome.n_missing == 2
    assert outcome.message == (
        "accuracy is 85.0%, 5.1 points below 90.1%: 17 of 20 images right, 2 more would have to be"
    )


def test_a_recall_is_that_of_its_class(report: Report) -> None:
    ant, bee, cat = check_gates(report, Gates(min_recall={"ant": 1, "bee": 0.9, "cat": 0.1}))
    assert ant.passed and ant.label == "ant"
    assert not bee.passed and bee.n_missing == 2
    assert bee.message.startswith("recall of 'bee' is 70.0%, 20.0 points below 90%: 7 of 10")
    assert not cat.passed and cat.value is None and "there is no such image" in cat.message


def test_a_calibration_error_that_few_images_cannot_show_is_said(report: Report) -> None:
    (kept,) = check_gates(report, Gates(max_ece=0.06))
    assert kept.passed and kept.value == pytest.approx(0.05)
    (missed,) = check_gates(report, Gates(max_ece=0.03))
    assert "5.0 points, 2.0 points above 3.0 points" in missed.message
    assert "on 20 images chance alone gives" in missed.message
    (known,) = check_gates(replace(report, ece_by_chance=0.01), Gates(max_ece=0.03))
    assert "chance" not in known.message


def test_an_area_is_held_against_its_limit(report: Report) -> None:
    assert report.roc_auc is not None
    (kept,) = check_gates(report, Gates(min_auc=report.roc_auc))
    assert kept.passed
    (missed,) = check_gates(replace(report, roc_auc=0.912), Gates(min_auc=0.95))
    assert missed.message == "area under the ROC curve is 0.912, 0.038 below 0.95"
    (unknown,) = check_gates(replace(report, roc_auc=None), Gates(min_auc=0.5))
    assert not unknown.passed and "all images are of one class" in unknown.message


def test_no_limit_is_no_gate(report: Report) -> None:
    assert not Gates() and Gates(max_ece=0.0) and check_gates(report, Gates()) == ()


def test_a_class_that_does_not_exist_is_answered_with_the_nearest() -> None:
    Gates(min_recall={"bee": 0.5}).check_classes(CLASSES)
    with pytest.raises(RecipeError, match=r"no class 'bees'; did you mean 'bee'\?") as caught:
        Gates(min_recall={"bees": 0.5}).check_classes(CLASSES)
    assert "(ant, bee, cat)" in caught.value.hint
    assert caught.value.hint.endswith("tlearn evaluate --min-recall bee=0.9")
    with pytest.raises(RecipeError, match=r"'normal'; did you mean 'NORMAL'\?"):
        Gates(min_recall={"normal": 0.5}).check_classes(("NORMAL", "PNEUMONIA"))
