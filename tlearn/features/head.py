"""A solved linear head, and what cross-validation said of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlearn.features.label_regression import sigmoid
from tlearn.features.logistic_regression import softmax
from tlearn.storage.arrays import read_arrays

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "softmax": softmax,
    "sigmoid": sigmoid,
    "linear": np.asarray,
    "exponential": np.exp,
}
"""What makes answers of logits, by the names that Keras gives them."""


@dataclass(frozen=True)
class LinearHead:
    """A solved head: `softmax(features @ kernel + bias)`, or another activation of the logits.

    Attributes:
        kernel: (features, classes).
        bias: (classes,).
        penalty: Strength of the L2 penalty it was solved with.
        activation: One of `ACTIVATIONS`.
    """

    kernel: np.ndarray
    bias: np.ndarray
    penalty: float
    activation: str = "softmax"

    def logits(self, features: np.ndarray) -> np.ndarray:
        """Return logits (n, classes) of features (n, d)."""
        return np.asarray(features @ self.kernel + self.bias)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Return class probabilities (n, classes), or other answers, of features (n, d)."""
        return ACTIVATIONS[self.activation](self.logits(features))

    def calibrated(self, temperature: float) -> LinearHead:
        """Return the head with logits divided by a temperature, and with a mean of 0."""
        return replace(
            self,
            kernel=centered(self.kernel) / np.float32(temperature),
            bias=centered(self.bias) / np.float32(temperature),
        )


def centered(weights: np.ndarray) -> np.ndarray:
    """Return weights of a softmax that give the same answers, and logits with a mean of 0."""
    return np.asarray(weights - weights.mean(axis=-1, keepdims=True))


@dataclass(frozen=True)
class CrossValidation:
    """How well heads of the best penalty predict rows that they have not been solved on.

    Attributes:
        penalty: The L2 strength with the least held-out loss.
        probabilities: (n, classes), each row predicted by the head of the fold that holds it out.
        accuracy: Share of rows predicted right, or the mean of the scores.
        fold_accuracies: The accuracy of each fold.
        scores: (n,) how good the answers of each row are where these are no classes, see
            `target_head`; NaN where nothing is known of them. None of classes.
    """

    penalty: float
    probabilities: np.ndarray
    accuracy: float
    fold_accuracies: tuple[float, ...]
    scores: np.ndarray | None = None

    @property
    def folds(self) -> int:
        """Return the number of folds."""
        return len(self.fold_accuracies)

    @property
    def judged(self) -> np.ndarray:
        """Return which rows were held out and can be judged: bool (n,)."""
        if self.scores is not None:
            return ~np.isnan(self.scores)
        return self.probabilities.sum(axis=1) > 0

    def row_scores(self, labels: np.ndarray) -> np.ndarray:
        """Return the score of each row; of classes (n,), 1 where it was predicted right, else 0."""
        if self.scores is not None:
            return self.scores
        return (self.probabilities.argmax(axis=1) == labels).astype(float)

    def write(self, path: Path) -> None:
        """Write it to an .npz file."""
        values = {name: value for name, value in vars(self).items() if value is not None}
        np.savez(path, allow_pickle=False, **values)

    @classmethod
    def read(cls, path: Path) -> CrossValidation | None:
        """Read a file that `write` has written; return None if it is missing or damaged."""
        arrays = read_arrays(path) or {}
        if not arrays.keys() | {"scores"} >= cls.__dataclass_fields__.keys():
            return None
        return cls(
            penalty=float(arrays["penalty"]),
            probabilities=arrays["probabilities"],
            accuracy=float(arrays["accuracy"]),
            fold_accuracies=tuple(arrays["fold_accuracies"].tolist()),
            scores=arrays.get("scores"),
        )
