"""Scores that do not mistake images a model learned from for a test of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from tlearn.evaluation.metrics import Report, score


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
    """
    report = score(probabilities, labels, classes, split, groups, copies)
    if trained_on is None:
        return Scores(report, None)
    n = int(trained_on.sum())
    rest = ~trained_on
    mixed = 0 < n < len(labels)
    if not mixed:
        return Scores(report, n)
    shared = [[*compress(keys, rest)] for keys in (groups, copies)]
    unseen = score(probabilities[rest], labels[rest], classes, split, *shared)
    return Scores(report, n, unseen)
