"""Other ways to tell strangers from one's own images, all from the last stage and the head."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp, softmax

from benchmarks.answers.cells import Cell, Folder

Score = Callable[[Folder, np.ndarray], np.ndarray]
"""How much like its own images a model finds rows of a folder: (n,), greater is more."""


def yardsticks(cell: Cell) -> dict[str, Score]:
    """Return maximum probability, energy, Mahalanobis distance and nearest neighbor.

    References:
        Hendrycks and Gimpel 2017; Liu et al. 2020, Energy-based Out-of-distribution Detection;
        Lee et al. 2018, with the covariance of Ledoit and Wolf 2004; Sun et al. 2022, with the
        nearest neighbor.
    """
    from sklearn.covariance import ledoit_wolf

    stages = [len(cell.folder.workspace.stages)]
    own = cell.folder.features(stages, cell.rows["train"]).astype(float)
    labels, temperature = cell.labels["train"], cell.fitted.calibration.temperature.value
    means = np.stack([own[labels == label].mean(axis=0) for label in range(labels.max() + 1)])
    covariance, _ = ledoit_wolf(own - means[labels], assume_centered=True)
    whitened = np.linalg.solve(covariance, means.T)  # (features, classes)
    inverse = np.linalg.inv(covariance)
    directions = own / np.linalg.norm(own, axis=1, keepdims=True)

    def energy(folder: Folder, rows: np.ndarray) -> np.ndarray:
        return np.asarray(logsumexp(cell.logits(folder, rows) * temperature, axis=1))

    def mahalanobis(folder: Folder, rows: np.ndarray) -> np.ndarray:
        x = folder.features(stages, rows).astype(float)
        squares = np.einsum("ij,ij->i", x @ inverse, x)[:, None] - 2 * x @ whitened
        return np.asarray(-(squares + np.einsum("ij,ji->i", means, whitened)).min(axis=1))

    def neighbor(folder: Folder, rows: np.ndarray) -> np.ndarray:
        x = folder.features(stages, rows)
        cosines = x @ directions.T / np.linalg.norm(x, axis=1, keepdims=True)
        return np.asarray(cosines.max(axis=1))

    return {
        "known": cell.known,
        "max p": lambda folder, rows: softmax(cell.logits(folder, rows), axis=1).max(axis=1),
        "energy": energy,
        "Mahal.": mahalanobis,
        "nearest": neighbor,
    }
