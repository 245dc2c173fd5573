"""Scores of a model that tells bad images from good ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import compress
from typing import Any

import numpy as np

from tlearn.data.intervals import Interval, share_interval
from tlearn.evaluation.metrics import SPLITS_IN_WORDS, plain
from tlearn.evaluation.roc import roc_auc
from tlearn.evaluation.wording import percent, percent_interval


@dataclass(frozen=True)
class GoodReport:
    """Scores of a model on one held-out split.

    Attributes:
        split: "test", or the name of another folder.
        n: Number of images.
        n_good: Of them, how many are good.
        n_bad: How many are bad.
        threshold: From which `anomaly` on an image is called bad.
        asked: Share of good images that may be called bad.
        false_alarm_rate: Share of the good ones that is; None without any.
        false_alarm_interval: Its 95% interval.
        found: Share of the bad ones that is called bad; None without any.
        found_interval: Its 95% interval.
        roc_auc: How often a bad image has more `anomaly` than a good one; None without both.
        roc_auc_interval: Its 95% interval.
        n_groups: Number of groups of images; None where it is not known.
    """

    split: str
    n: int
    n_good: int
    n_bad: int
    threshold: float
    asked: float
    false_alarm_rate: float | None
    false_alarm_interval: Interval | None
    found: float | None
    found_interval: Interval | None
    roc_auc: float | None
    roc_auc_interval: Interval | None
    n_groups: int | None = None

    def headline(self) -> tuple[str, str]:
        """Return the score that stands for all, and what it is."""
        if self.roc_auc is not None:
            return f"{self.roc_auc:.3f}", "area under the ROC curve"
        return percent(self.false_alarm_rate or 0.0), "of good images called bad"

    def in_words(self) -> str:
        """Return the scores as a sentence."""
        parts = []
        for name, share, ends, n in (
            ("bad", self.found, self.found_interval, self.n_bad),
            ("good", self.false_alarm_rate, self.false_alarm_interval, self.n_good),
        ):
            if share is not None and ends is not None:
                count = f"{round(share * n):,} of {n:,} {name} images"
                parts.append(f"{count} ({percent(share)}, {percent_interval(*ends)})")
        where = SPLITS_IN_WORDS.get(self.split, f"images of {self.split}")
        area = "" if self.roc_auc is None else f"; area under the ROC curve {self.roc_auc:.3f}"
        return f"called bad, of {where}: {' and '.join(parts)}{area}"

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values, ready for JSON."""
        return plain(asdict(self))


def score_good(
    anomaly: np.ndarray,
    bad: np.ndarray,
    split: str,
    threshold: float,
    asked: float,
    groups: Sequence[str] = (),
) -> GoodReport:
    """Score `anomaly` against what is bad.

    Args:
        anomaly: (n,), of the model.
        bad: (n,) whether an image is bad.
        split: Name of the split.
        threshold: From which an image is called bad.
        asked: Share of good images that may be.
        groups: (n,) what images of a group share; nothing where it is not known.
    """
    called, bad = anomaly >= threshold, np.asarray(bad, bool)
    area, ends = (roc_auc(anomaly, bad, groups) or (None, None)) if bad.any() else (None, None)

    def share(rows: np.ndarray) -> tuple[float | None, Interval | None]:
        if not rows.any():
            return None, None
        return float(called[rows].mean()), share_interval(called[rows], [*compress(groups, rows)])

    return GoodReport(
        split,
        len(bad),
        int((~bad).sum()),
        int(bad.sum()),
        threshold,
        asked,
        *share(~bad),
        *share(bad),
        area,
        ends,
        len({*groups}) if groups else None,
    )
