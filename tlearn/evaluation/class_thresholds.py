"""A threshold for each of several classes: from which probability on its answer is worth having."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.evaluation.roc import best_f1_threshold


@dataclass(frozen=True)
class ClassThreshold:
    """A threshold on the probability of one class against the rest, and what it does elsewhere.

    Attributes:
        label: The class.
        threshold: With the largest F1 on the images it was chosen on; null where none is of the
            class.
        chosen_f1: That F1.
        precision: Of the images at or above it, how many are of the class.
        recall: Of the images of the class, how many are at or above it.
        f1: Their harmonic mean; like the other two on the images that are scored, and null where
            there is nothing to count.
    """

    label: str
    threshold: float | None
    chosen_f1: float | None
    precision: float | None = None
    recall: float | None = None
    f1: float | None = None


def choose_thresholds(
    probabilities: np.ndarray, labels: np.ndarray, classes: Sequence[str]
) -> tuple[ClassThreshold, ...]:
    """Return the threshold of each class that has the largest F1.

    Args:
        probabilities: (n, classes), of images that are not those to be scored.
        labels: (n,) indices into `classes`.
        classes: Names, in the order of the columns.
    """
    best = [best_f1_threshold(probabilities[:, k], labels == k) for k in range(len(classes))]
    return tuple(
        ClassThreshold(name, *(found or (None, None)))
        for name, found in zip(classes, best, strict=True)
    )


def measure_thresholds(
    thresholds: Sequence[ClassThreshold], probabilities: np.ndarray, labels: np.ndarray
) -> tuple[ClassThreshold, ...]:
    """Return thresholds, one for each column, with what they do on other images."""
    return tuple(
        _measured(threshold, probabilities[:, k], labels == k)
        for k, threshold in enumerate(thresholds)
    )


def _measured(chosen: ClassThreshold, scores: np.ndarray, truth: np.ndarray) -> ClassThreshold:
    if chosen.threshold is None:
        return chosen
    found = scores >= chosen.threshold
    both, n_found, n = int((found & truth).sum()), int(found.sum()), int(truth.sum())
    return ClassThreshold(
        chosen.label,
        chosen.threshold,
        chosen.chosen_f1,
        both / n_found if n_found else None,
        both / n if n else None,
        2 * both / (n_found + n) if n else None,
    )
