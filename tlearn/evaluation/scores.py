"""Scores that do not mistake images a model learned from for a test of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.operating_point import OperatingPoint
from tlearn.evaluation.positive_class import PositiveClass


@dataclass(frozen=True)
class Scores:
    """Scores on images, some of which the model may have learned from.

    Attributes:
        report: Scores on all images.
        trained_on: How many of them were trained on or may have served to choose settings; None
            where that is not known.
        unseen: Scores on the others; None where these are all images, or none.
    """

    report: Report
    trained_on: int | None
    unseen: Report | None = None

    @property
    def judged(self) -> Report | None:
        """Return the scores on images that the model did not learn from, as far as is known."""
        return self.unseen if self.trained_on else self.report

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values: the report's, and what else is known."""
        unseen = self.unseen and self.unseen.to_json()
        return {**self.report.to_json(), "trained_on": self.trained_on, "unseen": unseen}


def score_apart(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    trained_on: np.ndarray | None,
    groups: Sequence[str] = (),
    copies: Sequence[str] = (),
    *,
    before: np.ndarray | None = None,
    positive: PositiveClass | None = None,
    point: OperatingPoint | None = None,
    ordered: bool = False,
) -> Scores:
    """Score all images, and apart from them those that the model did not learn from.

    Args:
        probabilities: (n, classes), each row a model's output.
        labels: (n,) indices into `classes`.
        classes: Names, in the order of the columns.
        split: Name of the split or folder.
        trained_on: bool (n,), which images those are; None if unknown.
        groups: (n,) what images of a group share; nothing where it is not known.
        copies: (n,) what copies of one file share, which are in one group; nothing without groups.
        before: (n, classes), the same before a temperature was applied; None where none is known.
        positive: Of two classes, the one that is looked for; None guesses by the names.
        point: Of two classes, a threshold that was chosen on other images.
        ordered: Whether the classes are steps of a scale.
    """

    def scored(rows: np.ndarray) -> Report:
        members, same = ([*compress(keys, rows)] for keys in (groups, copies))
        earlier = None if before is None else before[rows]
        return score(
            probabilities[rows],
            labels[rows],
            classes,
            split,
            members,
            same,
            before=earlier,
            positive=positive,
            point=point,
            ordered=ordered,
        )

    report = scored(np.ones(len(labels), bool))
    if trained_on is None:
        return Scores(report, None)
    n = int(trained_on.sum())
    return Scores(report, n, scored(~trained_on) if 0 < n < len(labels) else None)
