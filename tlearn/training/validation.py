"""Score a model on held-out batches."""

from __future__ import annotations

from typing import NamedTuple

import keras
import numpy as np

from tlearn.data.targets import CLASSES
from tlearn.training.batches import Batches
from tlearn.training.objective import score


class ValidationScore(NamedTuple):
    """Means over n held-out images: loss, accuracy (0 of numbers), squared error of the answers."""

    loss: float
    accuracy: float
    squared_error: float
    n: int


def score_batches(model: keras.Model, batches: Batches, task: str = CLASSES) -> ValidationScore:
    """Score a model on batches, without touching its metrics."""
    sums, count = np.zeros(3), 0
    for index in range(len(batches)):
        inputs, targets = batches[index][:2]
        sums += score(task, targets, np.asarray(model.predict_on_batch(inputs)))
        count += len(targets)
    loss, accuracy, squared_error = (sums / count).tolist()
    return ValidationScore(loss, accuracy, squared_error, count)
