"""Pairs of classes that held-out heads cannot tell apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

NEAR_CHANCE = 0.65
"""Share told apart that the upper end of the interval must stay below; guessing gives 0.5."""

_Z = 1.96


@dataclass(frozen=True)
class ClassOverlap:
    """Two classes that are told apart hardly better than by guessing.

    Attributes:
        first: Index of one class.
        second: Index of the other.
        accuracy: Mean share of both classes predicted right, if the head has these two to choose
            from; guessing gives 0.5.
        interval: Its 95% interval.
    """

    first: int
    second: int
    accuracy: float
    interval: tuple[float, float]


def overlapping_classes(probabilities: np.ndarray, labels: np.ndarray) -> list[ClassOverlap]:
    """Find pairs of classes that overlap, the worst first.

    Args:
        probabilities: (n, classes) held out; rows of zeros were not judged.
        labels: (n,) class indices.
    """
    judged = probabilities.sum(axis=1) > 0
    counts = np.bincount(labels[judged], minlength=probabilities.shape[1])
    overlaps = []
    for first, second in combinations(np.flatnonzero(counts >= 2).tolist(), 2):
        sides = []
        for own, other in ((first, second), (second, first)):
            of_class = probabilities[judged & (labels == own)]
            # Each class is as probable before an image is seen.
            right = of_class[:, own] / counts[own] > of_class[:, other] / counts[other]
            sides.append((right.mean(), len(right)))
        accuracy = float(np.mean([share for share, _ in sides]))
        variance = sum((share * (1 - share) + 1 / n) / n for share, n in sides) / 4
        half = _Z * float(np.sqrt(variance))
        if accuracy + half < NEAR_CHANCE:
            interval = (max(0.0, accuracy - half), accuracy + half)
            overlaps.append(ClassOverlap(first, second, accuracy, interval))
    return sorted(overlaps, key=lambda overlap: overlap.accuracy)
