"""Score a model on held-out batches."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from tlearn.training.batches import Batches


class ValidationScore(NamedTuple):
    """Means over n held-out images: log loss, accuracy, squared error of the probabilities."""

    loss: float
    accuracy: float
    squared_error: float
    n: int


def score_batches(model: keras.Model, batches: Batches) -> ValidationScore:
    """Score a model on batches, without touching its metrics."""
    sums, count = np.zeros(3), 0
    for index in range(len(batches)):
        inputs, targets = batches[index][:2]
        probabilities = np.asarray(model.predict_on_batch(inputs))
        of_target = (probabilities * targets).sum(axis=1)
        sums += (
            -np.log(np.maximum(of_target, 1e-7)).sum(),
            (probabilities.argmax(1) == targets.argmax(1)).sum(),
            np.square(probabilities - targets).sum(),
        )
        count += len(targets)
    loss, accuracy, squared_error = (sums / count).tolist()
    return ValidationScore(loss, accuracy, squared_error, count)
