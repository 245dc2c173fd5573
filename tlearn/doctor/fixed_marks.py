"""Marks that stand at the same place in many images of a class: a watermark, a frame, a ruler.

What photographs show is at another place in each, and the mean of many is smooth. What stands at a
fixed place stays sharp in the mean, however faint it is in one image (Dekel et al. 2017, On the
effectiveness of visible watermarks). So relief, an image minus its own surroundings, is compared
pixel by pixel with the mean relief of each class.

A half-transparent mark of a gray `g` moves what is below it by a share of `g - below`: up where the
image is dark, down where it is bright, nothing in the mean if `g` is about as bright as the images
are. So each pixel speaks by two numbers, its relief and that times the brightness below it.

Naive Bayes, with pixels of equal covariance in all classes, of which only those speak that stand in
an area where the means of classes surely differ (soft threshold, as in Tibshirani et al. 2002,
nearest shrunken centroids).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.split import Fold
from tlearn.features.logistic_regression import softmax

_CERTAIN = 2.5
"""Mean of the squared standard errors by which a class differs from the others, around a pixel that
is to speak. Without a mark it is 1, and up to 2.5 somewhere in an image."""

_AREA = 5
"""Side, in pixels, of the area around a pixel: about the height of small letters."""

_FLOOR = 0.1
"""Least variance of a pixel, in units of the mean variance: no pixel speaks too loud."""

_MIDDLE, _UNIT = 128, 64
"""Gray that brightness is counted from, and in which steps."""

_BLOCK = 512


@dataclass(frozen=True, eq=False)
class Relief:
    """What marks are sought in, for n images.

    Attributes:
        relief: int8 (n, side, side), gray minus the mean of its surroundings.
        below: uint8 (n, cells, cells), gray of the image in coarser cells.
    """

    relief: np.ndarray
    below: np.ndarray

    def columns(self, rows: np.ndarray) -> np.ndarray:
        """Return relief, and that times brightness, of some images: (rows, 2, pixels)."""
        relief = self.relief[rows].astype(np.float32)
        times = relief.shape[1] // self.below.shape[1]
        bright = (self.below[rows].astype(np.float32) - _MIDDLE) / _UNIT
        by_brightness = relief * bright.repeat(times, axis=1).repeat(times, axis=2)
        return np.stack([relief, by_brightness], axis=1).reshape(len(rows), 2, -1)


def mark_probabilities(
    images: Relief, labels: np.ndarray, n_classes: int, folds: Sequence[Fold]
) -> np.ndarray:
    """Predict the class of each image from marks at fixed places.

    Args:
        images: Relief of n images.
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to learn from, held out).

    Returns:
        (n, classes), each row predicted from the folds that do not hold it; zeros if none does.
    """
    probabilities = np.zeros((len(labels), n_classes))
    for fitted, held_out in folds:
        weights = _learn(images, labels, n_classes, fitted)
        center, scale, prior = _calibrate(images, labels, weights, fitted)
        logits = (_scores(images, held_out, weights) - center) * scale + prior
        probabilities[held_out] = softmax(logits)
    return probabilities


def _learn(images: Relief, labels: np.ndarray, n_classes: int, rows: np.ndarray) -> np.ndarray:
    """Return for each class the weights (classes, 2 * pixels) of its mark."""
    from scipy.ndimage import uniform_filter

    n, side = len(rows), images.relief.shape[1]
    here = np.bincount(labels[rows], minlength=n_classes).astype(float)[:, None, None]
    here, others = np.maximum(here, 1), np.maximum(n - here, 1)
    sums = np.zeros((n_classes, 2, side * side))
    products = np.zeros((side * side, 2, 2))
    for start in range(0, n, _BLOCK):
        block = rows[start : start + _BLOCK]
        x = images.columns(block)
        one_hot = np.eye(n_classes, dtype=np.float32)[labels[block]]
        sums += (one_hot.T @ x.reshape(len(block), -1)).reshape(sums.shape)
        products += np.einsum("nkp,nlp->pkl", x, x)
    total = sums.sum(axis=0)
    covariance = products / n - np.einsum("kp,lp->pkl", total, total) / n**2
    covariance += np.diag(_FLOOR * np.einsum("pkk->k", covariance) / side**2 + 1e-6)
    difference = sums / here - (total - sums) / others
    weights = np.einsum("pkl,clp->ckp", np.linalg.inv(covariance), difference)
    certainty = (weights * difference).sum(axis=1) / 2 / (1 / here + 1 / others)[:, 0]
    around = uniform_filter(
        certainty.reshape(-1, side, side), (0, _AREA, _AREA), mode="nearest"
    ).reshape(n_classes, 1, -1)
    weights *= np.maximum(0, 1 - _CERTAIN / np.maximum(around, 1e-9))
    return weights.reshape(n_classes, -1).astype(np.float32)


def _calibrate(
    images: Relief, labels: np.ndarray, weights: np.ndarray, rows: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return center, scale and prior of each class's score."""
    n, n_classes = len(rows), len(weights)
    counts = np.bincount(labels[rows], minlength=n_classes)
    here, others = np.maximum(counts, 1), np.maximum(n - counts, 1)
    scores = _scores(images, rows, weights)
    of_class = np.eye(n_classes)[labels[rows]]
    with_mark = (scores * of_class).sum(axis=0) / here
    without = (scores * (1 - of_class)).sum(axis=0) / others
    spread = np.square(scores - without) * (1 - of_class)
    variance_without = np.maximum(spread.sum(axis=0) / others, 1e-9)
    center = (with_mark + without) / 2
    return center, (with_mark - without) / variance_without, np.log(here / n)


def _scores(images: Relief, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (rows, classes) how much of each class's mark an image shows."""
    blocks = (rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK))
    return np.concatenate(
        [images.columns(block).reshape(len(block), -1) @ weights.T for block in blocks]
    )
