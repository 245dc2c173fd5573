"""When two answers to an image are the same, and how far a number may be off, by task."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlearn.data.order import answered
from tlearn.data.targets import CLASSES, LABELS, ONE_CLASS

NUMBER_STEP = 0.02
"""Of the spread of the training numbers: nearer than that, two numbers are the same answer."""


def same_answers(
    task: str,
    one: np.ndarray,
    other: np.ndarray,
    thresholds: Sequence[float] = (),
    scale: float | None = None,
    ordered: bool = False,
) -> np.ndarray:
    """Return for which images two models answer the same: bool (n,).

    Args:
        task: One of `targets.Task`.
        one: (n, outputs), of a model.
        other: The same of another; NaN is no answer.
        thresholds: From which each label is answered; one half where none are given.
        scale: Standard deviation of the training numbers.
        ordered: Whether classes are steps of a scale.
    """
    finite = np.isfinite(other).all(axis=1)
    if task == CLASSES:
        return np.asarray(finite & (answered(one, ordered) == answered(other, ordered)))
    if task in (LABELS, ONE_CLASS):
        least = np.array(thresholds or (0.5,) * one.shape[1])
        return np.asarray(finite & ((one >= least) == (other >= least)).all(axis=1))
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other).max(axis=1) <= NUMBER_STEP * (scale or 1.0)
    return np.asarray(finite & near)
