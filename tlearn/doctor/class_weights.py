"""Whether making all classes count the same would help the small ones, measured."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.inspection import IMBALANCE
from tlearn.data.split import Fold
from tlearn.features.head import CrossValidation
from tlearn.features.linear_head import (
    cross_validate,
)

_CLEAR = 2.0
"""Standard errors from which a gain is no chance."""


@dataclass(frozen=True)
class ClassWeightGain:
    """Two cross-validations on the same folds, without and with class weights.

    Attributes:
        plain: Balanced accuracy, the mean share of each class predicted right, without weights.
        weighted: The same with weights.
        error: Standard error of the difference.
        accuracy_change: Change of the share of all images predicted right.
    """

    plain: float
    weighted: float
    error: float
    accuracy_change: float

    @property
    def helps(self) -> bool:
        """Return whether weights clearly raise balanced accuracy."""
        return self.weighted - self.plain > _CLEAR * self.error


def are_unequal(labels: np.ndarray, n_classes: int) -> bool:
    """Return whether the largest class has more than `IMBALANCE` times the smallest one's images.

    Args:
        labels: (n,) class indices.
        n_classes: Number of classes.
    """
    counts = np.bincount(labels, minlength=n_classes)
    return bool(counts.max() > IMBALANCE * counts.min())


def class_weight_gain(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    blocks: Sequence[int] = (),
) -> ClassWeightGain:
    """Cross-validate a head without and with class weights.

    Args:
        features: (n, d) features that the head reads.
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to solve on, held out).
        blocks: See `solve_head`.
    """
    rows = np.concatenate([held_out for _, held_out in folds])
    truth = labels[rows]

    def right(weights: bool) -> np.ndarray:
        cv: CrossValidation = cross_validate(
            features, labels, n_classes, folds, class_weights=weights, blocks=blocks
        )
        return (cv.probabilities[rows].argmax(axis=1) == truth).astype(float)

    plain, weighted = right(False), right(True)
    counts = np.bincount(truth, minlength=n_classes)
    share = 1 / (counts[truth] * np.count_nonzero(counts))
    change = weighted - plain
    # Paired, class by class; one disagreement more than was seen, so that few images are no proof.
    per_class = [change[truth == label] for label in np.flatnonzero(counts)]
    variances = [(np.square(c).sum() + 1) / len(c) ** 2 - c.mean() ** 2 / len(c) for c in per_class]
    error = float(np.sqrt(np.sum(variances))) / len(per_class)
    return ClassWeightGain(
        float(share @ plain), float(share @ weighted), error, float(change.mean())
    )
