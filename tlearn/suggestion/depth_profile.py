"""How well a linear head does on the features of every stage, on pictures it has not seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.features.linear_probe import CrossValidation, Fold, cross_validate


@dataclass(frozen=True)
class DepthProfile:
    """Cross-validated accuracy by stage.

    Attributes:
        accuracies: Stage name to accuracy, input to output.
        best: The first stage that no other beats.
        last: The whole of what cross-validation said of the last stage, the embedding.
    """

    accuracies: Mapping[str, float]
    best: str
    last: CrossValidation

    @property
    def gain(self) -> float:
        """Accuracy of the best stage minus that of the last."""
        return self.accuracies[self.best] - self.last.accuracy


def measure_profile(
    features: Iterable[tuple[str, np.ndarray]],
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    class_weights: bool = False,
) -> DepthProfile:
    """Cross-validate a solved head on every stage.

    Args:
        features: Stage name and pooled features (n, d), input to output, one at a time;
            overwritten.
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to solve on, held out).
        class_weights: Weigh rows so that every class counts the same.
    """
    checked = {
        name: cross_validate(rows, labels, n_classes, folds, class_weights, overwrite=True)
        for name, rows in features
    }
    accuracies = {name: result.accuracy for name, result in checked.items()}
    best = max(accuracies, key=lambda name: accuracies[name])
    return DepthProfile(accuracies, best, list(checked.values())[-1])
