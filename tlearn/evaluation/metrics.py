"""Scores of answers on held-out images: accuracy with its interval, per class, calibration."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tlearn.data.design_effect import design_effect
from tlearn.evaluation.wording import percent, percent_interval

BINS = 15
"""Number of confidence bins, as in Guo et al. (2017)."""

TOP_K = (1, 3, 5)
_Z95 = 1.959963984540054
_SMALLEST = 1e-7


@dataclass(frozen=True)
class Report:
    """Scores of a model on one held-out split.

    Attributes:
        split: "test", "val", or the name of another folder.
        n: Number of images.
        classes: Names, in the order of the model's outputs.
        accuracy: Share of images whose most probable class is right.
        interval: 95% Wilson interval of the accuracy, of fewer images where some of a group are
            right or wrong together: see `design_effect`.
        top_k: Share of images whose class is among the k most probable, for k below the number
            of classes.
        balanced_accuracy: Mean recall of the classes that occur in the labels.
        macro_f1: Mean F1 of the classes that occur in the labels.
        log_loss: Mean of -log p(true class), p clipped to at least 1e-7; nats.
        calibration_error: Expected calibration error over 15 bins, 0 to 1.
        per_class: For each class: name, n, precision, recall, f1. A class that is absent from
            the labels has n = 0 and three zeros, and is left out of every mean.
        confusion: Counts, rows true, columns predicted.
        reliability: For each bin that holds images: confidence, accuracy, n.
        n_groups: Number of groups of images; None where it is not known.
    """

    split: str
    n: int
    classes: tuple[str, ...]
    accuracy: float
    interval: tuple[float, float]
    top_k: dict[int, float]
    balanced_accuracy: float
    macro_f1: float
    log_loss: float
    calibration_error: float
    per_class: tuple[dict[str, Any], ...]
    confusion: list[list[int]]
    reliability: tuple[dict[str, float], ...]
    n_groups: int | None = None

    @property
    def n_correct(self) -> int:
        """Return the number of images whose most probable class is right."""
        return round(self.accuracy * self.n)

    def in_words(self) -> str:
        """Return the accuracy as a sentence: "right on 166 of 189 images it had not seen (...)"."""
        images = _SPLITS.get(self.split, f"images of {self.split}")
        shares = f"{percent(self.accuracy)}, {percent_interval(*self.interval)}"
        return f"right on {self.n_correct:,} of {self.n:,} {images} ({shares})"

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values, ready for JSON."""
        top_k = {str(k): share for k, share in self.top_k.items()}
        lists = {name: list(getattr(self, name)) for name in _TUPLES}
        return {**asdict(self), **lists, "top_k": top_k}


_SPLITS = {"test": "images it had not seen", "val": "validation images"}
_TUPLES = ("classes", "interval", "per_class", "reliability")


def score(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    groups: Sequence[str] = (),
    copies: Sequence[str] = (),
) -> Report:
    """Score probabilities against labels.

    Args:
        probabilities: (n, classes), each row a model's output. Rows need not add up to exactly
            one: those of a quantized model do not.
        labels: (n,) indices into `classes`.
        classes: Names, in the order of the columns.
        split: Name of the split.
        groups: (n,) what images of a group share; nothing where it is not known.
        copies: (n,) what copies of one file share, which are in one group; nothing without groups.

    Raises:
        ValueError: The shapes disagree, a label is out of range, a probability is not finite.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    probabilities, labels = np.asarray(probabilities, np.float64), np.asarray(labels)
    _check(probabilities, labels, len(classes))
    n, indices = len(labels), np.arange(len(classes))
    # A stable sort, so that ties (common after quantization) go to the first class, as argmax does.
    order = np.argsort(-probabilities, axis=1, kind="stable")
    predicted, hits = order[:, 0], order == labels[:, None]
    columns = precision_recall_fscore_support(labels, predicted, labels=indices, zero_division=0)
    per_class = tuple(
        {"name": name, "n": int(count), "precision": float(p), "recall": float(r), "f1": float(f)}
        for name, p, r, f, count in zip(classes, *columns, strict=True)
    )
    present = [row for row in per_class if row["n"]]
    bins = reliability_bins(probabilities.max(axis=1), hits[:, 0])
    true_probability = probabilities[np.arange(n), labels]
    correct = int(hits[:, 0].sum())
    effect = design_effect(hits[:, 0], groups, copies) if groups else 1.0
    return Report(
        split=split,
        n=n,
        classes=tuple(classes),
        accuracy=correct / n,
        interval=wilson_interval(correct / effect, n / effect),
        top_k={k: float(hits[:, :k].any(axis=1).mean()) for k in TOP_K if k < len(classes)},
        balanced_accuracy=float(np.mean([row["recall"] for row in present])),
        macro_f1=float(np.mean([row["f1"] for row in present])),
        log_loss=float(-np.log(np.clip(true_probability, _SMALLEST, 1.0)).mean()),
        calibration_error=sum(b["n"] * abs(b["accuracy"] - b["confidence"]) for b in bins) / n,
        per_class=per_class,
        confusion=confusion_matrix(labels, predicted, labels=indices).tolist(),
        reliability=bins,
        n_groups=len({*groups}) if groups else None,
    )


def wilson_interval(correct: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Return the Wilson score interval of a share, which holds for few trials and near 0 and 1.

        (p + z²/2n ± z · sqrt(p (1 - p) / n + z²/4n²)) / (1 + z²/n),   p = correct / n

    Args:
        correct: Number of successes.
        n: Number of trials, at least one; fractions of an effective number are allowed.
        z: Quantile of the normal distribution; 1.96 for 95 %.

    Returns:
        Lower and upper end, within 0 and 1.

    References:
        Wilson (1927), Probable inference, the law of succession, and statistical inference.
    """
    p, correction = correct / n, z * z / n
    middle = p + correction / 2
    half = z * math.sqrt(p * (1 - p) / n + correction / (4 * n))
    # At 0 and n the ends are exactly 0 and 1; rounding must not say otherwise.
    low = 0.0 if correct == 0 else (middle - half) / (1 + correction)
    high = 1.0 if correct == n else (middle + half) / (1 + correction)
    return low, high


def reliability_bins(confidence: np.ndarray, correct: np.ndarray) -> tuple[dict[str, float], ...]:
    """Return mean confidence and accuracy in bins of equal width.

        error = sum over bins of n_bin / n · |accuracy_bin - confidence_bin|

    Args:
        confidence: (n,) probability of the predicted class.
        correct: (n,) whether the prediction is right.

    Returns:
        One record for each bin that holds images, low to high: confidence, accuracy, n.

    References:
        Guo et al. (2017), On calibration of modern neural networks, arXiv 1706.04599.
    """
    bins = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    return tuple(
        {
            "confidence": float(confidence[bins == index].mean()),
            "accuracy": float(correct[bins == index].mean()),
            "n": int((bins == index).sum()),
        }
        for index in np.unique(bins)
    )


def most_confused(report: Report, k: int) -> list[tuple[str, str, int]]:
    """Return the k most frequent confusions as (true class, predicted class, count)."""
    pairs = [
        (report.classes[true], report.classes[predicted], count)
        for true, row in enumerate(report.confusion)
        for predicted, count in enumerate(row)
        if count and true != predicted
    ]
    return sorted(pairs, key=lambda pair: -pair[2])[:k]


def _check(probabilities: np.ndarray, labels: np.ndarray, n_classes: int) -> None:
    if labels.ndim != 1 or not len(labels):
        raise ValueError(f"expected labels (n,) with n > 0. Received: {labels.shape}")
    if probabilities.shape != (len(labels), n_classes):
        expected = (len(labels), n_classes)
        raise ValueError(f"expected probabilities {expected}. Received: {probabilities.shape}")
    if labels.min() < 0 or labels.max() >= n_classes:
        raise ValueError(f"expected labels below {n_classes}. Received: {np.unique(labels)}")
    if not (np.isfinite(probabilities).all() and probabilities.min() >= 0):
        raise ValueError("expected probabilities of zero and above. Received: NaN or negative")
