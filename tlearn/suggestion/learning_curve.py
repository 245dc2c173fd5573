"""Would more pictures help: heads solved on shares of the pictures, and a power law through them.

    error(n) = error(N) * (n / N) ** -slope

Errors of classifiers fall as a power of the number of examples over a wide range; beyond a factor
of four nothing is said. The slope is fitted to heads solved on a quarter, a half and all of the
training pictures of each fold, scored on the fold held out.

References:
    Hestness et al. 2017, Deep learning scaling is predictable, empirically (arXiv 1712.00409).
    Hoiem et al. 2021, Learning curves for analysis of deep networks (arXiv 2010.11029).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.sampling import stratified_share
from tlearn.data.split import Fold

SHARES = (0.25, 0.5, 1.0)
FARTHEST = 4.0
"""Times the pictures there are, beyond which nothing is forecast."""

_STEEPEST = 1.0  # errors fall no faster than one over n


@dataclass(frozen=True)
class LearningCurve:
    """How accuracy grows with pictures.

    Attributes:
        n_train: Training pictures, and `accuracies` at `SHARES` of them.
        accuracies: Of heads on pictures they had not seen.
        error: Standard error of the last one.
        slope: Of the power law; 0 where more pictures did not help.
        gains: (classes,) recall with all pictures minus recall with half.
        recalls: (classes,) with all pictures.
        drawn: Whether each share was more pictures than the one before; of two or three a class
            it is not, and the curve says nothing.
    """

    n_train: int
    accuracies: tuple[float, ...]
    error: float
    slope: float
    gains: np.ndarray
    recalls: np.ndarray
    drawn: bool = True

    def accuracy_with(self, times: float) -> float:
        """Accuracy forecast with so many times the pictures, at most `FARTHEST`."""
        return 1 - (1 - self.accuracies[-1]) * min(times, FARTHEST) ** -self.slope

    @property
    def helps(self) -> bool:
        """Whether twice the pictures are worth more than chance could explain."""
        return self.drawn and self.accuracy_with(2) - self.accuracies[-1] > self.error / 2

    def images_for(self, points: float) -> int | None:
        """Pictures to add for so much more accuracy (0.02 is two points); None beyond reach."""
        left = 1 - self.accuracies[-1]
        if not 0 < points < left or not self.slope:
            return None
        doublings = -math.log2(1 - points / left) / self.slope  # of a flat curve, thousands
        if doublings > math.log2(1.001 * FARTHEST):
            return None
        return round(self.n_train * (2**doublings - 1))

    def classes_to_feed(self, most: int = 3) -> list[int]:
        """Classes whose recall still grew, or is lowest: those to photograph first."""
        worth = np.maximum(self.gains, 0) + (1 - self.recalls)
        order = np.argsort(-worth, kind="stable")
        return [int(n) for n in order[:most] if self.recalls[n] < 1]


def measure_curve(
    labels: np.ndarray,
    folds: Sequence[Fold],
    held_out: Callable[[Sequence[Fold], float], Sequence[np.ndarray]],
    seed: int = 0,
) -> LearningCurve:
    """Measure the curve.

    Args:
        labels: (n,) class indices of the training pictures.
        folds: Pairs of rows (to solve on, held out).
        held_out: Solves a head for each pair and gives its probabilities (rows held out, classes);
            told by what to multiply the penalty, which weighs a mean over fewer pictures.
        seed: Of the shares; smaller ones lie in larger ones.
    """
    truth = np.concatenate([labels[out] for _, out in folds])
    right, sizes = [], []
    for share in SHARES:
        pairs = [(stratified_share(rows, labels, share, seed), out) for rows, out in folds]
        sizes.append(sum(len(rows) for rows, _ in pairs))
        answers = [found.argmax(axis=1) for found in held_out(pairs, 1 / share)]
        right.append(np.concatenate(answers) == truth)
    accuracies = tuple(float(found.mean()) for found in right)
    counts = np.maximum(np.bincount(truth), 1)
    recalls = [np.bincount(truth, weights=found) / counts for found in right]
    error = float(np.sqrt(accuracies[-1] * (1 - accuracies[-1]) / len(truth)))
    slope = _slope(accuracies, len(truth))
    gains, drawn = recalls[-1] - recalls[-2], sizes == sorted(set(sizes))
    return LearningCurve(len(labels), accuracies, error, slope, gains, recalls[-1], drawn)


def _slope(accuracies: Sequence[float], n: int) -> float:
    """Least squares on logarithms; half a picture keeps an error of none finite."""
    errors = np.log(np.maximum(1 - np.array(accuracies), 0.5 / n))
    slope = -np.polyfit(np.log(SHARES), errors, 1)[0]
    return float(np.clip(slope, 0, _STEEPEST))
