"""How far answers are off where classes are steps of a scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.intervals import Interval, mean_interval, resample, share_interval

_LEAST = 1e-12


@dataclass(frozen=True)
class StepScores:
    """Scores of answers, see `order.answered`, with 95% intervals that count groups.

    Attributes:
        mae: Mean distance from the truth, in steps.
        mae_interval: None for one image or one group.
        mae_of_median: That of always answering the middle of these images.
        kappa: Quadratic weighted kappa: 1 is perfect, 0 no better than the same answers shuffled;
            None where all images and answers are of one class.
        kappa_interval: By a bootstrap of images or of their groups.
        exact: Share of images whose answer is right.
        exact_interval: Its interval.
        within_one: Share that is off by one step at most.
        within_one_interval: Its interval.
    """

    mae: float
    mae_interval: Interval | None
    mae_of_median: float
    kappa: float | None
    kappa_interval: Interval | None
    exact: float
    exact_interval: Interval
    within_one: float
    within_one_interval: Interval

    def in_words(self) -> str:
        """Return how far answers are off, as a sentence."""
        ends = "" if self.mae_interval is None else " ({:.2f} to {:.2f})".format(*self.mae_interval)
        kappa = "" if self.kappa is None else f"; quadratic weighted kappa {self.kappa:.2f}"
        return (
            f"off by {self.mae:.2f} steps on average{ends}, where always the median is off by "
            f"{self.mae_of_median:.2f}; {self.within_one:.1%} within one step{kappa}"
        )


def score_steps(
    answers: np.ndarray, labels: np.ndarray, groups: Sequence[str], copies: Sequence[str] = ()
) -> StepScores:
    """Score answers that are steps of a scale.

    Args:
        answers: (n,) class indices.
        labels: The same, the true ones.
        groups: (n,) what images of a group share; nothing where it is not known.
        copies: (n,) what copies of one file share; nothing without groups.
    """
    off = np.abs(answers - labels)
    within = {most: share_interval(off <= most, groups, copies) for most in (0, 1)}
    kappa, kappa_interval = _kappa(answers, labels, groups)
    ends = mean_interval(off, groups)
    return StepScores(
        mae=float(off.mean()),
        # A wrong answer is off by one step at least.
        mae_interval=ends and (ends[0], max(ends[1], 1 - within[0][0])),
        mae_of_median=float(np.abs(labels - np.median(labels)).mean()),
        kappa=kappa,
        kappa_interval=kappa_interval,
        exact=float((off == 0).mean()),
        exact_interval=within[0],
        within_one=float((off <= 1).mean()),
        within_one_interval=within[1],
    )


def _kappa(
    answers: np.ndarray, labels: np.ndarray, groups: Sequence[str]
) -> tuple[float | None, Interval | None]:
    """Return the quadratic weighted kappa, with its interval.

    It is 1 less the mean square of what answers are off by, as a share of what that would be if
    they were shuffled.

    References:
        Cohen 1968, Weighted kappa. Psychological Bulletin 70, 213-220.
    """

    def squares(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return sums over samples of images: the squares, and those of shuffled answers."""
        n = np.maximum(counts.sum(axis=1), 1)
        sums = [counts @ np.square(values) for values in (answers, labels)]
        product = (counts @ answers) * (counts @ labels) / n
        return counts @ np.square(answers - labels), sums[0] + sums[1] - 2 * product

    (off,), (shuffled,) = squares(np.ones((1, len(labels))))
    if not shuffled:
        return None, None
    kappa = float(1 - off / shuffled)
    if groups and len({*groups}) < 2:
        return kappa, None
    counts = resample(len(labels), groups)
    off_of, shuffled_of = squares(counts[:, :-1])
    # The group added to a sample is answered by chance. It counts for the lower end alone.
    chance = counts[:, -1] * shuffled / len(labels)
    low, high = (
        1 - np.quantile((off_of + extra) / np.maximum(shuffled_of + extra, _LEAST), q)
        for extra, q in ((chance, 0.975), (0 * chance, 0.025))
    )
    return kappa, (float(low), float(high))
