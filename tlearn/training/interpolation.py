"""Weights between those before and those after training: WiSE-FT, with alpha by validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import keras
import numpy as np

from tlearn.data.targets import CLASSES
from tlearn.training.batches import Batches
from tlearn.training.validation import ValidationScore, score_batches

INTERPOLATION_GRID = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DEFAULT_INTERPOLATION = 0.5

_BARRIER = 2.0
"""Squared error beyond the best of the grid that the average does not reach unless a barrier lies
between: were the error convex, it would have one beyond it at most."""


def interpolate_weights(
    model: keras.Model,
    start: Sequence[np.ndarray],
    val: Batches | None,
    known: Mapping[float, float] | None = None,
    task: str = CLASSES,
) -> tuple[float, ValidationScore | None]:
    """Set a model's weights between those before and those after training.

        weights = start + alpha * (end - start)

    Without validation, alpha is `DEFAULT_INTERPOLATION`. With it, alpha is the average of
    `INTERPOLATION_GRID` by exponential weights (`average_interpolation`): a few images hardly move
    it from the middle, hundreds move it to where validation is best. The best alpha on a handful of
    images is often wrong; the average rarely is by much. In 40 trials with 10 images per class (ten
    folders, two backbones, two policies) it was better by .5 points of test accuracy. Where the
    average lies in a barrier between good weights, the best alpha is taken.

    Args:
        model: After training.
        start: Its weights before training, from `float_weights`.
        val: Batches to choose alpha by, or None.
        known: Alpha to the squared error, where it was scored before; see `average_interpolation`.
        task: What is learned.

    Returns:
        The alpha, and the validation score of the weights; None without validation.

    References:
        Wortsman et al. 2022, Robust fine-tuning of zero-shot models (arXiv 2109.01903). We start
        from a solved head where they start from a text encoder, and choose on validation data.
    """
    end = [np.array(weight) for weight in float_weights(model)]

    def move_to(alpha: float) -> None:
        for weight, first, last in zip(float_weights(model), start, end, strict=True):
            weight.assign(first + alpha * (last - first))

    if val is None:
        move_to(DEFAULT_INTERPOLATION)
        return DEFAULT_INTERPOLATION, None
    errors = dict(known or {})
    for alpha in INTERPOLATION_GRID:
        if alpha not in errors:
            move_to(alpha)
            score = score_batches(model, val, task)
            errors[alpha] = score.n * score.squared_error
    chosen = average_interpolation([errors[alpha] for alpha in INTERPOLATION_GRID])
    move_to(chosen)
    score = score_batches(model, val, task)
    best = min(INTERPOLATION_GRID, key=lambda alpha: errors[alpha])
    if score.n * score.squared_error <= errors[best] + _BARRIER:
        return chosen, score
    move_to(best)
    return best, score_batches(model, val, task)


def average_interpolation(errors: Sequence[float]) -> float:
    """Return the mean of `INTERPOLATION_GRID` under weights exp(-error), to two decimals.

    This is model averaging by exponential weights; an alpha that harms gets no weight.

    Args:
        errors: For each alpha, the squared error of the validation probabilities, summed over
            images. It separates models that have the same accuracy on a few dozen images.
    """
    weights = np.exp(np.min(errors) - np.asarray(errors))
    return round(float(weights @ INTERPOLATION_GRID / weights.sum()), 2)


def float_weights(model: keras.Model) -> list[keras.Variable]:
    """Return a model's weights and moving statistics, without the states of random generators."""
    return [weight for weight in model.weights if "float" in weight.dtype]
