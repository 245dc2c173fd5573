"""Whether probabilities can be believed: the calibration error, and what chance adds to it.

The error of a model that is calibrated perfectly is not zero on n images: of ten that get 80%,
eight are right only on average. So the error stands beside what chance alone gives, which is
simulated with the model's own probabilities, and its interval takes off the excess. In simulations
of 50 to 1,000 images the plain percentiles of the bootstrap held the true error of a calibrated
model never, and these intervals in 91% to 96% of cases.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.design_effect import within_group_correlation
from tlearn.data.intervals import Interval, group_indices

BINS = 15
"""Number of confidence bins, as in Guo et al. (2017)."""

SMALLEST = 1e-7
"""Probabilities below it count as this much in a logarithm."""

_DRAWS = 400
_CHANCE_LEVEL = 0.95


@dataclass(frozen=True)
class CalibrationError:
    """An expected calibration error, 0 to 1, and what to hold it against.

    Attributes:
        error: As measured.
        interval: 95% interval of the error on any number of images.
        by_chance: What a model that is calibrated perfectly shows on as many images, on average.
        by_chance_high: What 95% of such models stay below.
    """

    error: float
    interval: Interval
    by_chance: float
    by_chance_high: float


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
    bins = _bin_of(confidence)
    return tuple(
        {
            "confidence": float(confidence[bins == index].mean()),
            "accuracy": float(correct[bins == index].mean()),
            "n": int((bins == index).sum()),
        }
        for index in np.unique(bins)
    )


def calibration_error(bins: Sequence[dict[str, float]]) -> float:
    """Return the expected calibration error of `reliability_bins`."""
    n = sum(row["n"] for row in bins)
    return sum(row["n"] * abs(row["accuracy"] - row["confidence"]) for row in bins) / n


def measure_calibration(
    confidence: np.ndarray, correct: np.ndarray, groups: Sequence[str] = ()
) -> CalibrationError:
    """Return the expected calibration error with its interval, and what chance gives.

    The interval is that of the basic bootstrap, which draws groups as a whole; it begins at 0
    where the error is within chance. The same images give the same numbers.

    Args:
        confidence: (n,) probability of the predicted class.
        correct: (n,) whether the prediction is right.
        groups: (n,) what images of a group share; nothing where it is not known.
    """
    rng, n, bins = np.random.default_rng(0), len(confidence), _bin_of(confidence)
    members = group_indices(n, groups)
    shared = np.sqrt(within_group_correlation(correct, groups)) if groups else 0.0

    def error(gaps: np.ndarray) -> float:
        return float(np.abs(np.bincount(bins, gaps, BINS)).sum() / n)

    def by_chance() -> float:
        draws = rng.random(n)
        if shared:  # images of a group are right or wrong together, as far as those here are
            together = rng.random(n) < shared
            draws[together] = rng.random(members.max() + 1)[members[together]]
        return error((draws < confidence) - confidence)

    measured = error(correct - confidence)
    chance = np.array([by_chance() for _ in range(_DRAWS)])
    high = float(np.quantile(chance, _CHANCE_LEVEL))
    resampled = _resampled(bins, correct - confidence, members, rng)
    low_end, high_end = (float(2 * measured - q) for q in np.quantile(resampled, (0.975, 0.025)))
    low_end = 0.0 if measured <= high else min(max(low_end, 0.0), measured)
    return CalibrationError(
        measured, (low_end, min(max(high_end, measured), 1.0)), float(chance.mean()), high
    )


def _resampled(
    bins: np.ndarray, gaps: np.ndarray, members: np.ndarray, rng: np.random.Generator
) -> list[float]:
    """Return the errors of bootstrap samples of as many groups."""
    n_groups = int(members.max()) + 1
    sizes = np.bincount(members)
    table = np.bincount(members * BINS + bins, gaps, n_groups * BINS).reshape(n_groups, BINS)
    errors = []
    for _ in range(_DRAWS):
        counts = np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups)
        errors.append(float(np.abs(counts @ table).sum() / (counts @ sizes)))
    return errors


def log_losses(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n,) -log p(true class), in nats, with p clipped to at least 1e-7."""
    true = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(true, SMALLEST, 1.0))


def brier_scores(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return (n,) squared errors of the probabilities, 0 to 1 for two classes and to 2 for more.

    They are summed over the classes, except that of two classes one counts, as is usual.

    References:
        Brier (1950), Verification of forecasts expressed in terms of probability.
    """
    n_classes = probabilities.shape[1]
    squares = np.square(probabilities - np.eye(n_classes)[labels]).sum(axis=1)
    return squares / 2 if n_classes == 2 else squares


def _bin_of(confidence: np.ndarray) -> np.ndarray:
    return np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
