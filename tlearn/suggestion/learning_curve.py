"""Whether more images would help: heads solved on part of the images, and a power law through them.

    error(n) = error(N) * (n / N) ** -slope

The error of classifiers falls as a power of the number of examples over a wide range; we
extrapolate by a factor of four at most. The slope is fitted to heads solved on a quarter, a half
and all of the training images of each fold, scored on the fold that was held out.

References:
    Hestness et al. 2017, Deep learning scaling is predictable, empirically (arXiv 1712.00409).
    Hoiem et al. 2021, Learning curves for analysis of deep networks (arXiv 2010.11029).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.design_effect import design_effect
from tlearn.data.sampling import stratified_share
from tlearn.data.split import Fold

SHARES = (0.25, 0.5, 1.0)
"""Shares of the training images at which the curve is measured."""

FARTHEST = 4.0
"""Multiple of the present number of images up to which accuracy is extrapolated."""

_STEEPEST = 1.0  # errors fall no faster than one over n


@dataclass(frozen=True)
class LearningCurve:
    """How accuracy grows with the number of images.

    Attributes:
        n_train: Training images.
        accuracies: Of heads on held-out images, at each of `SHARES`.
        error: Standard error of the last accuracy.
        slope: Exponent of the power law; 0 where more images did not help.
        gains: (classes,) recall with all images minus recall with half of them.
        recalls: (classes,) recall with all images.
        drawn: Whether each share had more images than the one before. With two or three images per
            class it has not, and the curve means nothing.
    """

    n_train: int
    accuracies: tuple[float, ...]
    error: float
    slope: float
    gains: np.ndarray
    recalls: np.ndarray
    drawn: bool = True

    def accuracy_with(self, times: float) -> float:
        """Return the accuracy forecast with `times` as many images, up to `FARTHEST`."""
        return 1 - (1 - self.accuracies[-1]) * min(times, FARTHEST) ** -self.slope

    def gain(self, n_added: int) -> float:
        """Return what so many more images add to the accuracy."""
        return self.accuracy_with(1 + n_added / self.n_train) - self.accuracies[-1]

    @property
    def helps(self) -> bool:
        """Return whether twice as many images would gain more than chance explains."""
        return self.drawn and self.accuracy_with(2) - self.accuracies[-1] > self.error / 2

    def images_for(self, points: float) -> int | None:
        """Return the images to add for a gain in accuracy (0.02 is two points); None: too many."""
        error = 1 - self.accuracies[-1]
        if not 0 < points < error or not self.slope:
            return None
        # In logarithms: a nearly flat curve asks for more images than a float can hold.
        doublings = -math.log2(1 - points / error) / self.slope
        if doublings > math.log2(1.001 * FARTHEST):
            return None
        return round(self.n_train * (2**doublings - 1))

    def classes_to_feed(self, most: int = 3) -> list[int]:
        """Return the classes to collect images of first: recall is still growing, or low."""
        worth = np.maximum(self.gains, 0) + (1 - self.recalls)
        order = np.argsort(-worth, kind="stable")
        return [int(label) for label in order[:most] if self.recalls[label] < 1]


def measure_curve(
    labels: np.ndarray,
    folds: Sequence[Fold],
    held_out_probabilities: Callable[[Sequence[Fold], float], Sequence[np.ndarray]],
    seed: int = 0,
    groups: Sequence[str] = (),
) -> LearningCurve:
    """Measure the learning curve of a linear head by cross-validation.

    Args:
        labels: (n,) class indices of the training images.
        folds: Pairs of rows (to solve on, held out).
        held_out_probabilities: Solves a head for each fold and returns its probabilities
            (held-out rows, classes). It is called with the folds and a factor on the L2 penalty,
            which is relative to a mean over the images and has to grow as they get fewer.
        seed: Random seed of the shares; smaller shares are subsets of larger ones.
        groups: (n,) what images of a group share, which are drawn together; nothing where all are
            single.
    """
    judged = np.concatenate([held_out for _, held_out in folds])
    truth = labels[judged]
    right, sizes = [], []
    for share in SHARES:
        smaller = [
            (stratified_share(rows, labels, share, seed, groups), out) for rows, out in folds
        ]
        sizes.append(sum(len(rows) for rows, _ in smaller))
        predictions = [p.argmax(axis=1) for p in held_out_probabilities(smaller, 1 / share)]
        right.append(np.concatenate(predictions) == truth)
    accuracies = tuple(float(correct.mean()) for correct in right)
    counts = np.maximum(np.bincount(truth), 1)
    n_worth = float(len(truth))
    if groups:
        n_worth /= design_effect(right[-1], [groups[row] for row in judged.tolist()])
    recalls = [np.bincount(truth, weights=correct) / counts for correct in right]
    return LearningCurve(
        n_train=len(labels),
        accuracies=accuracies,
        error=float(np.sqrt(accuracies[-1] * (1 - accuracies[-1]) / n_worth)),
        slope=_slope(accuracies, len(truth)),
        gains=recalls[-1] - recalls[-2],
        recalls=recalls[-1],
        drawn=sizes == sorted(set(sizes)),
    )


def _slope(accuracies: Sequence[float], n: int) -> float:
    """Return the exponent of the power law: least squares on logarithms, within bounds."""
    errors = np.log(np.maximum(1 - np.array(accuracies), 0.5 / n))  # no error still has a logarithm
    slope = -np.polyfit(np.log(SHARES), errors, 1)[0]
    return float(np.clip(slope, 0, _STEEPEST))
