"""Cross-validation folds, and stratified samples of rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from tlearn.data.manifest import SplitManifest, SplitRow, train_groups
from tlearn.data.pixel_store import PixelArray
from tlearn.data.split import Fold, fold_indices, split_off_val
from tlearn.errors import DataError

FOLDS = 5
"""Folds of a cross-validation."""

MANY_IMAGES = 2_000
FOLDS_OF_MANY = 3
"""Folds from MANY_IMAGES training images on: as accurate, in less time."""

CROSS_VALIDATION_LIMIT = 4_000
"""Training images that a cross-validation uses at most, for the same reason."""


def make_folds(
    labels: np.ndarray, groups: Sequence[str], seed: int, n_folds: int = FOLDS
) -> list[Fold]:
    """Divide rows into cross-validation folds, with each group in one of them.

    Args:
        labels: (n,) class of each row.
        groups: (n,) group of each row.
        seed: Another seed gives other folds.
        n_folds: Number of folds at most. There are fewer, but at least two, if a class has fewer
            groups.

    Returns:
        For every fold, the rows to fit on and those held out.

    Raises:
        DataError: All rows are of one group.
    """
    if len({*groups}) < 2:
        raise DataError(
            "the images to cross-validate on are all of one group",
            "add images of other groups, or divide image by image: --groups off",
        )
    n_groups = Counter(label for label, _ in set(zip(labels.tolist(), groups, strict=True)))
    k = max(2, min(n_folds, *n_groups.values()))
    return fold_indices(labels, groups, k, seed)


def train_folds(manifest: SplitManifest, seed: int) -> list[Fold]:
    """Divide the train split into cross-validation folds.

    Images of a group share a fold. Of very many images a stratified sample is used: as
    accurate, in bounded time and memory.

    Args:
        manifest: Which image is in which split.
        seed: Another seed gives another sample and other folds.

    Returns:
        For every fold, the rows of the train split to fit on and those held out.
    """
    train = manifest.indices("train")
    labels = manifest.labels[train]
    rows = stratified(labels, CROSS_VALIDATION_LIMIT, seed)
    n_folds = FOLDS if len(labels) < MANY_IMAGES else FOLDS_OF_MANY
    groups = [manifest.groups[row] for row in train[rows]]
    return [
        (rows[fitted], rows[held_out])
        for fitted, held_out in make_folds(labels[rows], groups, seed, n_folds)
    ]


def fold_splits(manifest: SplitManifest, n_folds: int, seed: int) -> list[SplitManifest]:
    """Divide the images of train and val into folds, each the test split of a split of its own.

    The other folds are train and, where the manifest has a val split, val of about the same size.
    The manifest's own test images are in none.

    Args:
        manifest: Which image is in which split.
        n_folds: Number of folds.
        seed: Another seed gives other folds.

    Raises:
        DataError: A fold would be empty, or leave a class fewer than two groups to train on.
    """
    rows = np.flatnonzero(np.array(manifest.splits) != "test")
    labels, groups = manifest.labels[rows], [manifest.groups[row] for row in rows]
    if len({*groups}) < n_folds:
        problem = f"{n_folds} folds need as many images (or groups) outside the test split"
        raise DataError(f"{problem}, and there are {len({*groups})}", "take fewer: --folds 2")
    share = manifest.count("val") / len(rows)
    splits = []
    for _, held_out in fold_indices(labels, groups, n_folds, seed):
        tested = {*rows[held_out].tolist()}
        fold = [
            SplitRow(
                manifest.names[row],
                int(manifest.labels[row]),
                manifest.digests[row],
                "test" if row in tested else "train",
                manifest.groups[row],
                () if manifest.targets is None else tuple(manifest.targets[row].tolist()),
            )
            for row in rows.tolist()
        ]
        left = train_groups(fold)
        for label, name in enumerate(manifest.classes):
            if len(left.get(label, ())) < 2:
                raise DataError(
                    f"too few images (or groups) of {name!r}: a fold would leave fewer than two "
                    "to train on",
                    "add images of it, or train without folds: tlearn finetune FOLDER",
                )
        if share:
            split_off_val(fold, Counter(labels.tolist()), share, seed)
        splits.append(SplitManifest.of(manifest.classes, fold))
    return splits


def stratified(labels: np.ndarray, limit: int, seed: int) -> np.ndarray:
    """Draw a stratified sample of rows, with one row of every class before a second of any.

    Args:
        labels: (n,) class of each row.
        limit: Number of rows at most.
        seed: Another seed gives another sample.

    Returns:
        (min(n, limit),) rows in ascending order.
    """
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    rank_in_class = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.argsort(rank_in_class / np.repeat(counts, counts), kind="stable")[:limit]
    return np.sort(by_class[first])


def sample_size(n_classes: int) -> int:
    """Return how many images to calibrate int8 with: two for each class, between 100 and 500.

    For MobileNetV2, 100 images are enough, and 10 did nearly as well.
    """
    return min(max(100, 2 * n_classes), 500)


def representative(pixels: PixelArray, labels: np.ndarray, limit: int, seed: int = 0) -> np.ndarray:
    """Choose images to calibrate int8 with, the same number from every class.

    If a class has too few, the others make up for it.

    Args:
        pixels: uint8 (n, height, width, 3); only the chosen rows are read.
        labels: (n,) class of each image.
        limit: Number of images at most.
        seed: Another seed gives another choice.

    Returns:
        uint8 (min(n, limit), height, width, 3).
    """
    return np.asarray(pixels[np.sort(stratified_order(labels, seed)[:limit])])


def stratified_order(labels: np.ndarray, seed: int) -> np.ndarray:
    """Shuffle all rows so that every beginning of the order is a sample balanced over classes.

    Args:
        labels: (n,) class of each row.
        seed: Another seed gives another order.

    Returns:
        (n,) rows.
    """
    return in_turn(np.random.default_rng(seed).permutation(len(labels)), labels)


def in_turn(order: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Interleave the classes of an order: the first row of every class, then the second, ...

    Args:
        order: (m,) rows in order of preference.
        labels: (n,) class of every row there is.

    Returns:
        (m,) the same rows.
    """
    turn = np.empty(len(order), np.int64)
    for label in np.unique(labels[order]):
        positions = np.flatnonzero(labels[order] == label)
        turn[positions] = np.arange(len(positions))
    return order[np.argsort(turn, kind="stable")]


def stratified_share(
    rows: np.ndarray, labels: np.ndarray, share: float, seed: int, groups: Sequence[str] = ()
) -> np.ndarray:
    """Draw the same share of every class's rows, at least one of each, group after group.

    Args:
        rows: (m,) rows to draw from.
        labels: (n,) class of every row there is.
        share: Fraction of each class's rows.
        seed: Another seed gives another sample.
        groups: (n,) group of every row there is; nothing where all are single. The last group drawn
            of a class may be cut.

    Returns:
        Rows in ascending order.
    """
    rng = np.random.default_rng(seed)
    chosen = []
    for label in np.unique(labels[rows]):
        of_class = rng.permutation(rows[labels[rows] == label])
        if groups:
            place: dict[str, int] = {}
            turns = [place.setdefault(groups[row], len(place)) for row in of_class.tolist()]
            of_class = of_class[np.argsort(turns, kind="stable")]
        chosen.append(of_class[: max(1, round(share * len(of_class)))])
    return np.sort(np.concatenate(chosen))
