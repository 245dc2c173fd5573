"""Folds, and stratified samples of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tlearn.data.pixel_store import PixelArray
from tlearn.data.split import Fold, fold_indices

FOLDS, FOLDS_OF_MANY, MANY, MOST = 5, 3, 2_000, 4_000
"""With many training pictures fewer folds say as much in less time, and so do only so many."""


def make_folds(
    labels: np.ndarray, digests: Sequence[str], seed: int, most: int = FOLDS
) -> list[Fold]:
    """At most so many folds; as few as the smallest class has different pictures, but two."""
    different = Counter(label for label, _ in set(zip(labels.tolist(), digests, strict=True)))
    k = max(2, min(most, *different.values()))
    return fold_indices(labels, digests, k, seed)


def stratified(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many rows, ascending, every class in its share; one row each comes first."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.argsort(place / np.repeat(counts, counts), kind="stable")[:most]
    return np.sort(by_class[first])


def sample_size(n_classes: int) -> int:
    """How many pictures set the ranges: 100 do for MobileNetV2 (and 10 did nearly as well)."""
    return min(max(100, 2 * n_classes), 500)


def representative(pixels: PixelArray, labels: np.ndarray, limit: int, seed: int = 0) -> np.ndarray:
    """Choose pictures that set the ranges of activations, the same number from every class.

    Where a class has too few, the others make up for it.

    Args:
        pixels: uint8 (n, height, width, 3); only the chosen rows are read.
        labels: (n,) class of each picture.
        limit: The most pictures to take.
        seed: Decides which.

    Returns:
        uint8 (min(n, limit), height, width, 3).
    """
    return np.asarray(pixels[np.sort(stratified_order(labels, seed)[:limit])])


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """All rows in random order, but class by class in turn: any beginning is a stratified sample.

    Args:
        labels: (n,) class of each picture.
        seed: Another seed, another order.
    """
    return in_turn(np.random.default_rng(seed).permutation(len(labels)), labels)


def in_turn(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """First the first row of every class, then the second of every class, and so on.

    Args:
        order: (m,) rows, those to take first in front.
        labels: (n,) class of every row there is.
    """
    turn = np.empty(len(order), np.int64)
    for label in np.unique(labels[order]):
        places = np.flatnonzero(labels[order] == label)
        turn[places] = np.arange(len(places))
    return order[np.argsort(turn, kind="stable")]


def stratified_share(rows: np.ndarray, labels: np.ndarray, share: float, seed: int) -> np.ndarray:
    """So many of each class's rows, one at least."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels[rows]):
        own = rng.permutation(rows[labels[rows] == label])
        chosen.append(own[: max(1, round(share * len(own)))])
    return np.sort(np.concatenate(chosen))
