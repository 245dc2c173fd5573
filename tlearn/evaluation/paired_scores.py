"""Two models of labels, or of a number, on the same images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.intervals import Interval
from tlearn.data.targets import NUMBER
from tlearn.evaluation.target_gains import gain_interval, sampled_scores
from tlearn.evaluation.wording import gain_in_words, score_in_words


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
        gain = self.before - self.after if of_number else self.after - self.before
        change, *around = (gain_in_words(v, of_number) for v in (gain, *(self.interval or ())))
        old, new = (score_in_words(v, of_number) for v in (self.before, self.after))
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
    score = "mae" if task == NUMBER else "mean_average_precision"
    all_ = np.ones((1, len(targets)))
    was, now = (float(sampled_scores(task, of, targets, all_)[0]) for of in (before, after))
    alone = len({*groups}) < 2
    ends = None if alone else gain_interval(task, before, after, targets, groups)[1]
    return PairedScores(score, len(targets), was, now, ends)
