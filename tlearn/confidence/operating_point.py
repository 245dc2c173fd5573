"""From which probability on one of two classes is answered, as a run and a contract keep it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from tlearn.confidence.rank_promise import HeldPromise, chance_of_so_few

MOST_PROBABLE = "most probable"
_SLACK = 1e-3
_NUMBER = r"[0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?"
_CHOSEN = re.compile(rf"sensitivity {_NUMBER}|cost {_NUMBER}:{_NUMBER}")


@dataclass(frozen=True)
class Cost:
    """What the two kinds of error cost, in any unit.

    Attributes:
        missed: A positive image that is answered negative.
        false_alarm: A negative image that is answered positive.
    """

    missed: float
    false_alarm: float


@dataclass(frozen=True)
class Rate:
    """A share with the counts that it is made of.

    Attributes:
        value: The share; null where there is nothing to count.
        interval: Its 95% Wilson interval, of fewer images where groups go together.
        n_right: Images that are right.
        n: Images counted.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    value: float | None
    interval: tuple[float, float] | None
    n_right: int
    n: int

    @property
    def fits(self) -> bool:
        """Return whether the counts are counts, and the share is theirs."""
        low, high = self.interval or (0, 1)
        if not (-_SLACK <= low <= high <= 1 + _SLACK and 0 <= self.n_right <= self.n):
            return False
        if not self.n or self.value is None:
            return self.value is None and not self.n
        return abs(self.value - self.n_right / self.n) < _SLACK


@dataclass(frozen=True)
class OperatingPoint:
    """A threshold on the probability of one of two classes, with its rates on some images.

    Attributes:
        positive: The class that is looked for.
        threshold: It is answered from this probability on.
        chosen_by: "most probable", "cost 10:1" or "sensitivity 0.95".
        sensitivity: Of the images of that class, how many get this answer.
        specificity: Of the others, how many get the other answer.
        positive_predictive_value: Of the answers that name the class, how many are right.
        negative_predictive_value: Of the other answers, how many are right.
        note: What keeps the choice from being what was asked for, in a sentence; mostly empty.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    positive: str
    threshold: float
    chosen_by: str
    sensitivity: Rate
    specificity: Rate
    positive_predictive_value: Rate
    negative_predictive_value: Rate
    note: str = ""

    @property
    def min_sensitivity(self) -> float | None:
        """Return the share of the class that was to be found, where the point was chosen by it."""
        rule, _, value = self.chosen_by.partition(" ")
        return float(value) if rule == "sensitivity" else None

    @property
    def cost(self) -> Cost | None:
        """Return what errors cost, where the point was chosen by it."""
        rule, _, values = self.chosen_by.partition(" ")
        return Cost(*map(float, values.split(":"))) if rule == "cost" else None

    @property
    def promised(self) -> float | None:
        """Return the share of new images of the class that are to be found; None for no promise."""
        return None if self.note else self.min_sensitivity

    def least(self, label: str) -> float:
        """Return the probability from which on a class is answered."""
        return self.threshold if label == self.positive else 1 - self.threshold

    def contradiction(self, classes: Sequence[str]) -> str:
        """Say what in a point that was read cannot be, by its key; "" if nothing."""
        if len(classes) != 2 or self.positive not in classes:
            return f"positive: {self.positive!r:.60} is none of two classes"
        if not 0 <= self.threshold <= 1:
            return f"threshold: {self.threshold} is no probability"
        if not _CHOSEN.fullmatch(self.chosen_by) or not 0 <= (self.min_sensitivity or 0) <= 1:
            return f"chosen_by: {self.chosen_by!r:.60} is no rule"
        rates = {key: rate for key, rate in vars(self).items() if isinstance(rate, Rate)}
        return next((f"{key}: no counts" for key, rate in rates.items() if not rate.fits), "")

    def found(self, probabilities: np.ndarray, classes: Sequence[str]) -> np.ndarray:
        """Return which images get the answer `positive`: bool (n,).

        Args:
            probabilities: (n, 2).
            classes: The two names, in the order of the columns.
        """
        column = classes.index(self.positive)
        if self.chosen_by == MOST_PROBABLE:  # ties go to the first class, as argmax does
            return probabilities.argmax(axis=1) == column
        return probabilities[:, column] >= self.threshold


@dataclass(frozen=True)
class SensitivityKept(HeldPromise):
    """How the promise of an operating point was kept on images.

    Attributes:
        positive: The class that is looked for.
        level: Share of its images that is to be found.
        sensitivity: Share that was found.
        n_right: Images found.
        n: Images of the class.
        p_value: Probability of so few or fewer if the promise holds.
    """

    positive: str
    level: float
    sensitivity: float
    n_right: int
    n: int
    p_value: float


def hold_sensitivity(
    point: OperatingPoint | None,
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
) -> SensitivityKept | None:
    """Hold the promise of an operating point against labeled images.

    Args:
        point: With its rates on the images that it was chosen on; None for none.
        probabilities: (m, 2) of images that it was not chosen on.
        labels: (m,) class indices.
        classes: The two names, in the order of the columns.

    Returns:
        None where nothing was promised, or no image is of the class.
    """
    if point is None or point.promised is None:
        return None
    of_class = labels == classes.index(point.positive)
    m = int(of_class.sum())
    if not m:
        return None
    n_right = int(point.found(probabilities[of_class], classes).sum())
    p_value = chance_of_so_few(n_right, m, point.sensitivity.n, point.promised)
    return SensitivityKept(point.positive, point.promised, n_right / m, n_right, m, p_value)
