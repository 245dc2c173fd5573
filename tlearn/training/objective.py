"""What training minimizes, by task, and how held-out images are scored meanwhile.

    classes  categorical cross-entropy of the softmax
    labels   binary cross-entropy, a mean over the labels of an image that are known
    number   Huber loss of the standardized number: squared near, absolute far from the truth

References:
    Huber 1964, Robust estimation of a location parameter.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from tlearn.data.targets import CLASSES, LABELS

_LEAST = 1e-7
_HUBER = 1.0
"""Standard deviations of the training numbers from which on an error counts by its size alone."""


def losses(task: str, label_smoothing: float = 0.0) -> dict[str, Any]:
    """Return the loss and the metrics to compile a model with.

    Metrics are objects, not names: Keras would make them while it traces the step, and trace that
    again.

    Args:
        task: One of `targets.Task`.
        label_smoothing: Share of each target that is spread over all classes, or both answers.
    """
    if task == CLASSES:
        return {
            "loss": keras.losses.CategoricalCrossentropy(label_smoothing=label_smoothing),
            "metrics": [keras.metrics.CategoricalAccuracy("accuracy")],
        }
    if task == LABELS:

        def known_cross_entropy(targets: Any, answers: Any) -> Any:
            known, truth = _known(targets)
            truth = truth * (1 - label_smoothing) + label_smoothing / 2
            answers = ops.clip(answers, _LEAST, 1 - _LEAST)
            loss = -(truth * ops.log(answers) + (1 - truth) * ops.log(1 - answers))
            return _mean_of_known(loss, known)

        return {
            "loss": known_cross_entropy,
            "metrics": [keras.metrics.MeanMetricWrapper(_share_right, "accuracy")],
        }
    return {"loss": keras.losses.Huber(_HUBER), "metrics": []}


def score(task: str, targets: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Return sums over images: loss, right answers (0 of numbers), squared error.

    Args:
        task: One of `targets.Task`.
        targets: (n, outputs), rows of 0 and 1, or standardized numbers; NaN where not known.
        answers: (n, outputs).
    """
    if task == CLASSES:
        losses = -np.log(np.maximum((answers * targets).sum(axis=1), _LEAST))
        right = answers.argmax(axis=1) == targets.argmax(axis=1)
        return np.array([losses.sum(), right.sum(), np.square(answers - targets).sum()])
    known = ~np.isnan(targets)
    truth = np.where(known, targets, 0.0)
    squares = np.square(answers - truth) * known
    if task == LABELS:
        of_truth = np.where(truth > 0.5, answers, 1 - answers)
        loss, right = -np.log(np.maximum(of_truth, _LEAST)), of_truth > 0.5
        per_image = np.maximum(known.sum(axis=1, keepdims=True), 1)
        means = (values * known / per_image for values in (loss, right))
        return np.array([*(mean.sum() for mean in means), squares.sum()])
    error = np.abs(answers - truth)
    loss = np.where(error <= _HUBER, error**2 / 2, _HUBER * (error - _HUBER / 2))
    return np.array([loss.sum(), 0.0, squares.sum()])


def _share_right(targets: Any, answers: Any) -> Any:
    known, truth = _known(targets)
    right = ops.cast(ops.equal(answers > 0.5, truth > 0.5), answers.dtype)
    return _mean_of_known(right, known)


def _known(targets: Any) -> tuple[Any, Any]:
    unknown = ops.isnan(targets)
    return ops.cast(ops.logical_not(unknown), targets.dtype), ops.where(unknown, 0.0, targets)


def _mean_of_known(values: Any, known: Any) -> Any:
    return ops.sum(values * known, axis=-1) / ops.maximum(ops.sum(known, axis=-1), 1.0)
