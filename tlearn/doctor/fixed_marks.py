"""Marks that stand at the same place in many images of a class: a watermark, a frame, a ruler.

What photographs show is at another place in each, and the mean of many is smooth. What stands at a
fixed place stays sharp in the mean, however faint it is in one image (Dekel et al. 2017, On the
effectiveness of visible watermarks). So relief, an image minus its own surroundings, is compared
pixel by pixel with the mean relief of each class: naive Bayes with pixels of equal spread in all
classes, of which only those speak whose mean is certain (soft threshold, as in Tibshirani et al.
2002, nearest shrunken centroids).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlearn.data.split import Fold
from tlearn.features.logistic_regression import softmax

_CERTAIN = 3.0
"""Standard errors by which the mean of a pixel must differ between a class and the others."""

_FLOOR = 0.1
"""Least variance of a pixel, in units of the mean variance: no pixel speaks too loud."""

_BLOCK = 512


def mark_probabilities(
    relief: np.ndarray, labels: np.ndarray, n_classes: int, folds: Sequence[Fold]
) -> np.ndarray:
    """Predict the class of each image from marks at fixed places.

    Args:
        relief: int8 (n, side, side).
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to learn from, held out).

    Returns:
        (n, classes), each row predicted from the folds that do not hold it; zeros if none does.
    """
    flat = relief.reshape(len(relief), -1)
    probabilities = np.zeros((len(labels), n_classes))
    for fitted, held_out in folds:
        weights, center, scale, prior = _learn(flat, labels, n_classes, fitted)
        logits = (_scores(flat, held_out, weights) - center) * scale + prior
        probabilities[held_out] = softmax(logits)
    return probabilities


def _learn(
    flat: np.ndarray, labels: np.ndarray, n_classes: int, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return for each class the weights of pixels, and center, scale and prior of its score."""
    counts = np.bincount(labels[rows], minlength=n_classes).astype(float)[:, None]
    sums = np.zeros((n_classes, flat.shape[1]))
    squares = np.zeros(flat.shape[1])
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        x = flat[block].astype(np.float32)
        sums += np.eye(n_classes, dtype=np.float32)[labels[block]].T @ x
        squares += np.square(x).sum(axis=0)
    n, total = len(rows), sums.sum(axis=0)
    variance = squares / n - np.square(total / n)
    variance += _FLOOR * variance.mean() + 1e-6
    here, others = np.maximum(counts, 1), np.maximum(n - counts, 1)
    difference = sums / here - (total - sums) / others
    certainty = np.abs(difference) / np.sqrt(variance / here + variance / others)
    kept = difference * np.maximum(0, 1 - np.square(_CERTAIN / np.maximum(certainty, 1e-9)))
    weights = (kept / variance).astype(np.float32)
    scores = _scores(flat, rows, weights)
    of_class = np.eye(n_classes)[labels[rows]]
    with_mark = (scores * of_class).sum(axis=0) / here[:, 0]
    without = (scores * (1 - of_class)).sum(axis=0) / others[:, 0]
    spread = np.square(scores - without) * (1 - of_class)
    variance_without = np.maximum(spread.sum(axis=0) / others[:, 0], 1e-9)
    center = (with_mark + without) / 2
    scale = (with_mark - without) / variance_without
    return weights, center, scale, np.log(np.maximum(counts[:, 0], 1) / n)


def _scores(flat: np.ndarray, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (rows, classes) how much of each class's mark an image shows."""
    blocks = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
    return np.concatenate([flat[block].astype(np.float32) @ weights.T for block in blocks])
