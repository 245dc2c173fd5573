"""Which cut of a network, on images of which size, is worth having on a small board.

Pure: what was measured and counted goes in, a choice comes out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.suggestion.depth_profile import TIE_SE, HeadScore, gain
from tlearn.suggestion.int8_cost import Int8Cost


@dataclass(frozen=True)
class BoardLimits:
    """The most that a network may take on a board, in bytes; infinite is no limit."""

    flash: float = math.inf
    ram: float = math.inf


@dataclass(frozen=True)
class BoardCandidate:
    """A network cut off after a stage, on images of one size.

    Attributes:
        image_size: Side of its input, in pixels.
        score: The head on the stage, cross-validated on float features.
        interval: 95% interval of its accuracy.
        flash: Bytes of the network in int8, estimated.
        ram: Bytes of the arena, estimated.
        int8: What int8 costs; None where it was not measured.
    """

    image_size: int
    score: HeadScore
    interval: tuple[float, float]
    flash: int
    ram: int
    int8: Int8Cost | None = None

    @property
    def accuracy(self) -> float:
        """Return the accuracy, less what int8 costs where that was measured."""
        return self.score.accuracy - (self.int8.drop if self.int8 else 0.0)

    def fits(self, limits: BoardLimits) -> bool:
        """Return whether it is within the limits."""
        return self.flash <= limits.flash and self.ram <= limits.ram


def worth_having(candidates: Sequence[BoardCandidate]) -> list[BoardCandidate]:
    """Return those that no other one beats in flash, in RAM and in accuracy, smallest RAM first."""

    def beaten(by: BoardCandidate, one: BoardCandidate) -> bool:
        costs, gains = (by.flash, by.ram, -by.accuracy), (one.flash, one.ram, -one.accuracy)
        return costs != gains and all(a <= b for a, b in zip(costs, gains, strict=True))

    kept = [one for one in candidates if not any(beaten(by, one) for by in candidates)]
    return sorted(kept, key=lambda one: (one.ram, one.flash))


def best_within(
    candidates: Sequence[BoardCandidate],
    limits: BoardLimits,
    labels: np.ndarray,
    groups: Sequence[str] = (),
) -> BoardCandidate | None:
    """Return the smallest candidate within the limits that ties with the best one there.

    Ties are as everywhere: the better one gains no more than a standard error on the same images.
    Smaller is the product of flash and RAM, which does not depend on units.

    Args:
        candidates: Cross-validated on the same images.
        limits: Of the board.
        labels: (n,) class indices of the images.
        groups: (n,) what images of a group share; nothing where all are single.
    """
    fitting = [one for one in candidates if one.fits(limits)]
    if not fitting:
        return None
    best = max(fitting, key=lambda one: one.accuracy)

    def ties(one: BoardCandidate) -> bool:
        error = gain(one.score, best.score, labels, groups)[1]
        return best.accuracy - one.accuracy <= TIE_SE * error

    return min(filter(ties, fitting), key=lambda one: one.flash * one.ram)
