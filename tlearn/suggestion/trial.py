"""What a short real trial says about the forecast of an option."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from tlearn.data.design_effect import design_effect
from tlearn.suggestion.accuracy_forecast import INTERVAL_Z, Option
from tlearn.suggestion.depth_profile import paired_difference


@dataclass(frozen=True, eq=False)
class HeadTrial:
    """A head on the images of a trial.

    Attributes:
        expected: Accuracy expected of it on other images.
        right: (n_images,) whether it was right on each.
    """

    expected: float
    right: np.ndarray


def update_with_trial(
    option: Option,
    right: np.ndarray,
    head: HeadTrial | None = None,
    groups: Sequence[str] = (),
) -> Option:
    """Return an option updated with a trial: inverse-variance weighting of forecast and trial.

    What counts is the gain over the head that tuning began with, on the same images: they may be
    harder or easier than others. That may explain a surprise, but not turn it around: a trial below
    the forecast never raises it. As both rest on the same head, the interval becomes no narrower
    than that of the surer of the two.

    Args:
        option: The forecast.
        right: (n_images,) whether the trial was right on each image.
        head: What the head that the trial began with did on the same images, if that is known.
        groups: (n_images,) what images of a group share; nothing where all are single.
    """
    tried = float(right.mean())
    estimate, error = _trial_estimate(right, head, groups)
    if (tried - option.accuracy) * (estimate - option.accuracy) < 0:
        estimate = option.accuracy
    # An interval that ends at 0 or 1 is cut off there: its other half has the true width.
    half_width = max(option.high - option.accuracy, option.accuracy - option.low)
    forecast_variance = (half_width / INTERVAL_Z) ** 2
    weight = forecast_variance / (forecast_variance + error**2)
    accuracy = min(max(option.accuracy + weight * (estimate - option.accuracy), 0.0), 1.0)
    half_width = min(half_width, INTERVAL_Z * error)
    return replace(
        option,
        accuracy=accuracy,
        low=max(accuracy - half_width, 0.0),
        high=min(accuracy + half_width, 1.0),
        tried=tried,
        tried_head=float(head.right.mean()) if head else None,
    )


def _trial_estimate(
    right: np.ndarray, head: HeadTrial | None, groups: Sequence[str]
) -> tuple[float, float]:
    """Return the accuracy elsewhere that a trial speaks for, and its standard error.

    Additive smoothing, as in `paired_difference`: no error among few images is not certainty.
    """
    if head:
        gain, error = paired_difference(right.astype(float) - head.right, groups)
        return head.expected + gain, error
    n = len(right)
    p = (right.sum() + 1) / (n + 2)
    effect = design_effect(right, groups) if groups else 1.0
    return float(right.mean()), float(np.sqrt(p * (1 - p) * effect / n))
