"""Two models of labels, or of a number, on the same images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.intervals import Interval, mean_interval, resample
from tlearn.data.targets import LABELS
from tlearn.evaluation.label_scores import mean_precisions
from tlearn.evaluation.wording import percent


@dataclass(frozen=True)
class PairedScores:
    """The score of a model beside that of another one.

    Attributes:
        score: "mean_average_precision", or "mae" in the unit of the number.
        n: Number of images.
        before: What the first model reaches.
        after: What the second one does.
        interval: 95% interval of how much better the second is: of a number, how much less it is
            off. None for one image or one group.
    """

    score: str
    n: int
    before: float
    after: float
    interval: Interval | None

    @property
    def what(self) -> str:
        """Return the score in words."""
        return "mean error" if self.score == "mae" else "mean average precision"

    @property
    def does(self) -> str:
        """Return what a model with it does, up to its value."""
        return f"has a {self.what} of"

    def in_words(self) -> tuple[str, str, str, str]:
        """Return the score before and after, how much better that is, and its interval."""
        of_number = self.score == "mae"
        gain = self.before - self.after if of_number else 100 * (self.after - self.before)
        ends = [end if of_number else 100 * end for end in self.interval or ()]
        change, *around = (f"{v:+.3g}" if of_number else f"{v:+.1f}" for v in (gain, *ends))
        old, new = (f"{v:.3g}" if of_number else percent(v) for v in (self.before, self.after))
        return old, new, change, " to ".join(around) or "-"


def compare_scores(
    task: str,
    before: np.ndarray,
    after: np.ndarray,
    targets: np.ndarray,
    groups: Sequence[str],
) -> PairedScores:
    """Hold a model's answers against those of another one.

    Args:
        task: LABELS or NUMBER.
        before: (n, outputs), of the first model.
        after: (n, outputs), of the other one.
        targets: (n, outputs).
        groups: (n,) what images of a group share.
    """
    n = len(targets)
    if task == LABELS:
        counts = np.vstack([np.ones(n), resample(n, groups)[:, :-1]])
        was, now = (mean_precisions(answers, targets, counts) for answers in (before, after))
        low, high = np.quantile(now[1:] - was[1:], [0.025, 0.975]).tolist()
        found = "mean_average_precision", n, float(was[0]), float(now[0])
        return PairedScores(*found, (low, high) if len({*groups}) > 1 else None)
    was, now = (np.abs(answers - targets)[:, 0] for answers in (before, after))
    ends = mean_interval(was - now, groups, least=-math.inf)
    return PairedScores("mae", n, float(was.mean()), float(now.mean()), ends)
