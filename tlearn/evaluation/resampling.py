"""The same training on several splits: what the spread of its accuracies says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlearn.data.intervals import Interval
from tlearn.evaluation.wording import percent, percent_interval

FOLDS, SEEDS = "folds", "seeds"


@dataclass(frozen=True)
class Repeat:
    """One training.

    Attributes:
        accuracy: Share of its test images answered right, or another score, see `Repeats`.
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
        score: What was measured: "accuracy", or "mean_average_precision" of labels, or "mae" of a
            number.
    """

    kind: str
    each: tuple[Repeat, ...]
    same_test: bool = False
    score: str = "accuracy"

    @property
    def accuracies(self) -> list[float]:
        """Return the accuracy, or other score, of each training."""
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
            else corrected_interval(self.accuracies, n_test / n_train, self._most)
        )

    @property
    def _most(self) -> float:
        return math.inf if self.score == "mae" else 1.0

    def in_words(self) -> str:
        """Return mean and interval, and how far the trainings differ."""
        number = self.score == "mae"
        mean, low, high = (
            f"{value:.3g}" if number else percent(value)
            for value in (self.mean, min(self.accuracies), max(self.accuracies))
        )
        on_average = {"mae": f"off by {mean}", "accuracy": f"{mean} right"}.get(
            self.score, f"mean average precision {mean}"
        )
        text = f"{on_average} on average of {len(self.each)} ({low} to {high}"
        if ends := self.interval:
            around = "{:.3g} to {:.3g}".format(*ends) if number else percent_interval(*ends)
            text += f"; 95% interval of the average: {around}"
        return text + ")" + " on the same test images" * self.same_test

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "kind": self.kind,
            "score": self.score,
            "accuracies": self.accuracies,
            "mean": self.mean,
            "interval": self.interval,
            "each": [asdict(repeat) for repeat in self.each],
        }


def corrected_interval(
    values: Sequence[float], test_per_train: float, most: float = 1.0
) -> Interval:
    """Return the 95% interval of the mean of scores, each from a training on a split of its own.

    The training images of two splits overlap, so the k shares are not independent, and the usual
    variance of a mean, s² / k, is too small:

        mean ± t(k - 1) · sqrt((1 / k + n_test / n_train) · s²)

    Args:
        values: (k,) the scores, at least two.
        test_per_train: n_test / n_train.
        most: The largest score that there can be.

    Returns:
        Lower and upper end, within 0 and that.

    References:
        Nadeau and Bengio (2003), Inference for the generalization error.
    """
    from scipy.special import stdtrit

    k, mean = len(values), float(np.mean(values))
    variance = (1 / k + test_per_train) * float(np.var(values, ddof=1))
    half = float(stdtrit(k - 1, 0.975)) * math.sqrt(variance)
    return max(mean - half, 0.0), min(mean + half, most)
