"""The same training on several splits: what the spread of its accuracies says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlearn.data.intervals import Interval

FOLDS, SEEDS = "folds", "seeds"


@dataclass(frozen=True)
class Repeat:
    """One training.

    Attributes:
        accuracy: Share of its test images answered right.
        n_train: Images that it was trained on or chosen by.
        n_test: Images that it was tested on, none of them among those.
        seconds: Time that it took.
    """

    accuracy: float
    n_train: int
    n_test: int
    seconds: float


@dataclass(frozen=True)
class Repeats:
    """The same training on several splits of one folder.

    Attributes:
        kind: "folds" (each fold is tested on once) or "seeds" (a split is drawn for each).
        each: The trainings, in order.
        same_test: Whether all were tested on the same images.
    """

    kind: str
    each: tuple[Repeat, ...]
    same_test: bool = False

    @property
    def accuracies(self) -> list[float]:
        """Return the accuracy of each training."""
        return [repeat.accuracy for repeat in self.each]

    @property
    def mean(self) -> float:
        """Return the mean of the accuracies."""
        return float(np.mean(self.accuracies))

    @property
    def interval(self) -> Interval | None:
        """Return the 95% interval of the mean; None where the accuracies cannot tell.

        So it is where all were tested on the same images, on which others depends how good the
        model is on new ones, and where all accuracies are the same.
        """
        sizes = [(repeat.n_train, repeat.n_test) for repeat in self.each]
        n_train, n_test = np.mean(sizes, axis=0)
        alike = len({*self.accuracies}) < 2
        return (
            None
            if self.same_test or alike
            else corrected_interval(self.accuracies, n_test / n_train)
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "kind": self.kind,
            "accuracies": self.accuracies,
            "mean": self.mean,
            "interval": self.interval,
            "each": [asdict(repeat) for repeat in self.each],
        }


def corrected_interval(values: Sequence[float], test_per_train: float) -> Interval:
    """Return the 95% interval of the mean of shares, each from a training on a split of its own.

    The training images of two splits overlap, so the k shares are not independent, and the usual
    variance of a mean, s² / k, is too small:

        mean ± t(k - 1) · sqrt((1 / k + n_test / n_train) · s²)

    Args:
        values: (k,) the shares, at least two.
        test_per_train: n_test / n_train.

    Returns:
        Lower and upper end, within 0 and 1.

    References:
        Nadeau and Bengio (2003), Inference for the generalization error.
    """
    from scipy.special import stdtrit

    k, mean = len(values), float(np.mean(values))
    variance = (1 / k + test_per_train) * float(np.var(values, ddof=1))
    half = float(stdtrit(k - 1, 0.975)) * math.sqrt(variance)
    return max(mean - half, 0.0), min(mean + half, 1.0)
