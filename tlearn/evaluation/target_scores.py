"""Scores of a model whose answers are no classes: several labels, a number, or good and bad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from tlearn.confidence.confidence import Confidence
from tlearn.data.intervals import Interval
from tlearn.data.targets import LABELS, ONE_CLASS
from tlearn.evaluation.good_scores import GoodReport, score_good
from tlearn.evaluation.label_scores import LabelReport, label_shares, score_labels
from tlearn.evaluation.number_scores import NumberReport, score_numbers

TargetReport = LabelReport | NumberReport | GoodReport


@dataclass(frozen=True)
class TargetScores:
    """Scores on images, some of which the model may have learned from; see `scores.Scores`.

    Attributes:
        report: Scores on all images.
        trained_on: How many of them were trained on, or may have served to choose settings; None
            where that is not known.
        unseen: Scores on the others; None where these are all images, or none.
    """

    report: TargetReport
    trained_on: int | None
    unseen: TargetReport | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values."""
        unseen = self.unseen and self.unseen.to_json()
        return {**self.report.to_json(), "trained_on": self.trained_on, "unseen": unseen}


def score_targets_apart(
    task: str,
    answers: np.ndarray,
    targets: np.ndarray,
    names: Sequence[str],
    split: str,
    learned: np.ndarray,
    confidence: Confidence,
    groups: Sequence[str],
    trained_on: np.ndarray | None,
) -> TargetScores:
    """Score all images, and apart from them those that the model did not learn from.

    Args:
        task: As the arguments up to `groups`, see `score_targets`.
        answers: (n, outputs).
        targets: (n, outputs).
        names: Of the outputs.
        split: Name of the split or folder.
        learned: Targets of the training images.
        confidence: What the model promises.
        groups: (n,).
        trained_on: bool (n,), which images those are; None if unknown.
    """

    def scored(rows: np.ndarray) -> TargetReport:
        members = [*compress(groups, rows)]
        given = answers[rows], targets[rows], names, split, learned, confidence, members
        return score_targets(task, *given)

    report = scored(np.ones(len(targets), bool))
    if trained_on is None:
        return TargetScores(report, None)
    n = int(trained_on.sum())
    return TargetScores(report, n, scored(~trained_on) if 0 < n < len(targets) else None)


def score_targets(
    task: str,
    answers: np.ndarray,
    targets: np.ndarray,
    names: Sequence[str],
    split: str,
    trained_on: np.ndarray,
    confidence: Confidence,
    groups: Sequence[str] = (),
) -> TargetReport:
    """Score answers against targets.

    Args:
        task: LABELS, NUMBER or ONE_CLASS.
        answers: (n, outputs), from the model.
        targets: (n, outputs), NaN where not known.
        names: Of the outputs.
        split: Name of the split.
        trained_on: (m, outputs), targets of the training images, for a baseline.
        confidence: Thresholds of the labels, or the interval around the number.
        groups: (n,) what images of a group share; nothing where it is not known.
    """
    if task == ONE_CLASS:
        alarms = confidence.false_alarms
        threshold, asked = (alarms.threshold, alarms.asked) if alarms else (0.95, 0.05)
        return score_good(answers[:, 0], targets[:, 0] == 1, split, threshold, asked, groups)
    if task == LABELS:
        thresholds = np.array(confidence.thresholds_of(len(names)))
        shares = label_shares(trained_on)
        return score_labels(answers, targets, names, split, thresholds, groups, shares)
    number, median = confidence.number, float(np.median(trained_on))
    return score_numbers(
        answers,
        targets,
        names[0],
        split,
        median,
        groups,
        number.half_width if number else None,
        relative=bool(number and number.relative),
    )


def headline(report: TargetReport) -> dict[str, float | None]:
    """Return the scores that stand for all, by their names in JSON."""
    if isinstance(report, LabelReport):
        names: tuple[str, ...] = ("mean_average_precision", "f1_micro", "f1_macro", "exact_match")
    elif isinstance(report, GoodReport):
        names = ("roc_auc", "false_alarm_rate", "found")
    else:
        names = ("mae", "mae_of_median", "rmse", "r2", "rank_correlation")
    return {name: getattr(report, name) for name in names}


def main_interval(report: TargetReport) -> Interval | None:
    """Return the 95% interval of the score that `headline` names first."""
    if isinstance(report, LabelReport):
        return report.intervals.get("mean_average_precision")
    return report.roc_auc_interval if isinstance(report, GoodReport) else report.mae_interval
