"""Scores of answers that are a number, and the interval that a true number lies in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlearn.confidence.rank_promise import SLACK, promised_rank
from tlearn.data.intervals import Interval, group_indices, mean_interval, resample
from tlearn.evaluation.metrics import images_of, plain
from tlearn.evaluation.wording import significant

_LEAST = 1e-9

LEVEL = 0.9
"""Share of new images whose number lies within the half-width of the answer."""


@dataclass(frozen=True)
class NumberReport:
    """Scores of a model on one held-out split.

    Attributes:
        split: "test", "val", or the name of another folder.
        n: Number of images.
        name: What the number is.
        mae: Mean absolute error, in the unit of the number.
        mae_interval: Its 95% interval; None for one image or one group.
        mae_of_median: That of the training images' median as the answer to every image.
        rmse: Root of the mean squared error.
        rmse_interval: Its 95% interval.
        r2: Share of the variance explained; None where all numbers are the same.
        r2_interval: Its 95% interval, by a bootstrap of images or of their groups.
        rank_correlation: Spearman's; None where all numbers are the same, or all answers.
        half_width: The true number lies so near to the answer, for 90% of new images; None where
            too few images were held out to promise it.
        relative: Whether the half-width is a share of the answer.
        coverage: Share of these images where it does.
        n_groups: Number of groups of images; None where it is not known.
    """

    split: str
    n: int
    name: str
    mae: float
    mae_interval: Interval | None
    mae_of_median: float
    rmse: float
    rmse_interval: Interval | None
    r2: float | None
    r2_interval: Interval | None
    rank_correlation: float | None
    half_width: float | None = None
    relative: bool = False
    coverage: float | None = None
    n_groups: int | None = None

    def headline(self) -> tuple[str, str]:
        """Return the score that stands for all, and what it is."""
        return significant(self.mae), f"off in {self.name}, on average"

    def in_words(self) -> str:
        """Return the scores as a sentence."""
        ends = f" ({' to '.join(map(significant, self.mae_interval or ()))})"
        return (
            f"{self.name} is off by {significant(self.mae)} on average"
            f"{ends if self.mae_interval else ''} on {images_of(self.split, self.n)}; always "
            f"answering the median would be off by {significant(self.mae_of_median)}"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values, ready for JSON."""
        return plain(asdict(self))


def promise_half_width(
    answers: np.ndarray, targets: np.ndarray, groups: Sequence[str] = (), *, relative: bool = False
) -> float | None:
    """Return how near to its answer the number of 90% of new images lies, of held-out images.

    It is the k-th largest error, see `rank_promise`. Groups count the same, whatever their size:
    the errors that are larger are worth k - 1 groups at most.

    Args:
        answers: (n,) of a model that was not trained on these images.
        targets: (n,) numbers.
        groups: (n,) what images of a group share; nothing where it is not known.
        relative: Return it as a share of the answer; answers are greater than 0.

    Returns:
        The half-width; None where the images, or groups, are too few.
    """
    errors = np.abs(targets - answers) / (answers if relative else 1)
    members = group_indices(len(errors), groups)
    sizes = np.bincount(members)
    k = promised_rank(len(sizes), LEVEL)
    if not k:
        return None
    order = np.argsort(-errors, kind="stable")
    passed = np.cumsum(1 / sizes[members[order]])
    return float(errors[order[np.searchsorted(passed, k - 1 + SLACK)]])


def score_numbers(
    answers: np.ndarray,
    targets: np.ndarray,
    name: str,
    split: str,
    median: float,
    groups: Sequence[str] = (),
    half_width: float | None = None,
    *,
    relative: bool = False,
) -> NumberReport:
    """Score answers against numbers.

    Args:
        answers: (n,) or (n, 1), the model's outputs.
        targets: The same, the true numbers.
        name: What the number is.
        split: Name of the split.
        median: That of the training images.
        groups: (n,) what images of a group share; nothing where it is not known.
        half_width: From `promise_half_width`.
        relative: Whether it is a share of the answer.

    Raises:
        ValueError: The shapes disagree, or a number is not finite.
    """
    answers, targets = (np.asarray(values, np.float64) for values in (answers, targets))
    if answers.shape != targets.shape or not answers.size:
        raise ValueError(f"expected answers {targets.shape}. Received: {answers.shape}")
    answers, targets = answers.ravel(), targets.ravel()
    if not (np.isfinite(answers).all() and np.isfinite(targets).all()):
        raise ValueError("expected finite numbers. Received: NaN or infinity")
    errors = np.abs(answers - targets)
    squares = mean_interval(errors**2, groups)
    r2, r2_interval = _explained(errors, targets, groups)
    width = None if half_width is None else half_width * (answers if relative else 1)
    return NumberReport(
        split=split,
        n=len(targets),
        name=name,
        mae=float(errors.mean()),
        mae_interval=mean_interval(errors, groups),
        mae_of_median=float(np.abs(targets - median).mean()),
        rmse=float(np.sqrt(np.square(errors).mean())),
        rmse_interval=squares and (float(np.sqrt(squares[0])), float(np.sqrt(squares[1]))),
        r2=r2,
        r2_interval=r2_interval,
        rank_correlation=_rank_correlation(answers, targets),
        half_width=half_width,
        relative=relative,
        coverage=None if width is None else float((errors <= width).mean()),
        n_groups=len({*groups}) if groups else None,
    )


def _explained(
    errors: np.ndarray, targets: np.ndarray, groups: Sequence[str]
) -> tuple[float | None, Interval | None]:
    """Return R² with its interval."""
    if np.ptp(targets) == 0:
        return None, None
    r2 = float(1 - np.square(errors).sum() / np.square(targets - targets.mean()).sum())
    if groups and len({*groups}) < 2:
        return r2, None
    unit = targets.std()  # so that what is 0 does not depend on the unit of the number
    squares, centered = np.square(errors / unit), (targets - targets.mean()) / unit
    variance = np.square(centered)
    counts = resample(len(targets), groups)
    # The group added to a sample varies as the others do, and the model explains none of it. It
    # counts for the lower end alone.
    counts, added = counts[:, :-1], counts[:, -1] * variance.mean()
    n = np.maximum(counts.sum(axis=1), 1)
    total = counts @ variance - np.square(counts @ centered) / n
    differ = total > _LEAST  # of equal numbers there is no variance to explain
    if not differ.any():
        return r2, None
    left, total, added = (counts @ squares)[differ], total[differ], added[differ]
    low, high = (
        1 - np.quantile((left + extra) / (total + extra), q)
        for extra, q in ((added, 0.975), (0 * added, 0.025))
    )
    return r2, (float(low), float(high))


def _rank_correlation(answers: np.ndarray, targets: np.ndarray) -> float | None:
    if np.ptp(answers) == 0 or np.ptp(targets) == 0:
        return None
    from scipy.stats import spearmanr

    return float(spearmanr(answers, targets).statistic)
