"""The train/validation/test split, and cross-validation folds.

Byte-identical files form a group and always stay in the same split. Groups are ordered by a keyed
hash of their digest, so a split depends on the seed and the images alone, not on the file system, a
library's random numbers or the other classes, and one more image moves few of the others.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from tlearn.data.image_folder import ImageFolder
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest, SplitRow, train_groups
from tlearn.errors import DataError, quoted

Fold = tuple[np.ndarray, np.ndarray]
"""The rows to fit on, and the rows held out."""

MIN_VALIDATION = 2
"""Validation images that a class needs; with fewer, cross-validation replaces val."""


def make_split(
    folder: ImageFolder,
    infos: Sequence[ImageInfo],
    *,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    seed: int = 0,
) -> SplitManifest:
    """Split the readable images class by class, or take over the splits that the folder has.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
        val_fraction: Fraction of the images (of train, if the folder has a test split) for val.
        test_fraction: Fraction of the images for test.
        seed: Another seed gives another split.

    Returns:
        The images in the order of `folder.images`, without unreadable ones, without those in more
        than one class, and without copies in train (or val) of images in val or test.

    Raises:
        DataError: A class has too few images, or is missing in train.
    """
    if not 0 < min(val_fraction, test_fraction) < val_fraction + test_fraction < 1:
        raise DataError(
            f"val_fraction {val_fraction} and test_fraction {test_fraction} leave a split empty",
            "choose fractions above 0 with a sum below 1: "
            "--set val_fraction=0.15 --set test_fraction=0.15",
        )
    rows = _usable_rows(folder, infos)
    existing = {image.split for image in folder.images} - {None}
    if existing:
        _check_existing_splits(folder, rows)
        rows = _without_leaks(rows)
    n_train = Counter(row.label for row in rows if row.split == "train")
    if not existing:
        for label, groups in train_groups(rows).items():
            for row in _choose(groups, n_train[label] * test_fraction, seed):
                row.split = "test"
    _check_train(folder, rows)
    if "val" not in existing:
        _split_off_val(rows, n_train, val_fraction, seed)
    return SplitManifest.of(folder.classes, rows)


def fold_indices(labels: np.ndarray, digests: Sequence[str], k: int, seed: int) -> list[Fold]:
    """Divide rows into k folds with about equal shares of every class.

    The largest groups come first, each into the fold with the fewest rows of its class, then of
    all classes.

    Args:
        labels: int (n,).
        digests: (n,); rows with the same digest share a fold.
        k: Number of folds; at most the number of different digests.
        seed: Another seed gives other folds.

    Returns:
        For every fold, the rows to fit on and those held out; each row is held out once.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests):
        rows_of[digest].append(row)
    if not 2 <= k <= len(rows_of):
        raise ValueError(f"expected 2 <= k <= {len(rows_of)} digests, got k={k}")
    n_held_out = np.zeros((k, int(np.max(labels)) + 1), np.int64)
    fold_of = np.empty(len(labels), np.int64)
    for digest in sorted(rows_of, key=lambda digest: (-len(rows_of[digest]), _rank(digest, seed))):
        rows = rows_of[digest]
        label = labels[rows[0]]
        fold = int(np.lexsort((n_held_out.sum(axis=1), n_held_out[:, label]))[0])
        n_held_out[fold, label] += len(rows)
        fold_of[rows] = fold
    return [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(k)]


def _usable_rows(folder: ImageFolder, infos: Sequence[ImageInfo]) -> list[SplitRow]:
    """Return the readable images that are in one class only, in train unless the folder says so."""
    rows = [
        SplitRow(image.name, image.label, info.sha256, image.split or "train")
        for image, info in zip(folder.images, infos, strict=True)
        if info.problem is None
    ]
    files: dict[str, dict[int, str]] = defaultdict(dict)  # of each digest, the first of a label
    for row in rows:
        files[row.digest].setdefault(row.label, row.name)
    usable = [row for row in rows if len(files[row.digest]) == 1]
    labels = {row.label for row in usable}
    if len(labels) < 2:
        empty = [repr(name) for label, name in enumerate(folder.classes) if label not in labels]
        pairs = [[*names.values()][:2] for names in files.values() if len(names) > 1]
        same = "".join(f": {one!r} and {other!r} are the same image" for one, other in pairs[:1])
        raise DataError(
            f"no image of {', '.join(empty)} in {quoted(folder.root)} can be used{same}",
            "replace images that cannot be read, and keep each image in one class only",
        )
    return usable


def _check_existing_splits(folder: ImageFolder, rows: Sequence[SplitRow]) -> None:
    trained = {image.label for image in folder.images if image.split == "train"}
    for image in folder.images:
        if image.label not in trained:
            known = [folder.classes[label] for label in sorted(trained)]
            name = folder.classes[image.label]
            similar = difflib.get_close_matches(name, known, 1)
            hint = f"rename it if it is {similar[0]!r}, or " if similar else ""
            raise DataError(
                f"{image.split} has the class {name!r}, train does not",
                hint + "add images of it to train",
            )
    for split in {str(image.split) for image in folder.images} - {row.split for row in rows}:
        raise DataError(
            f"no image of the {split} split can be used",
            "replace images that cannot be read, and keep each image in one class only",
        )


def _without_leaks(rows: Sequence[SplitRow]) -> list[SplitRow]:
    """Drop from train the images that are in val or test, and from val those in test."""
    val, test = ({row.digest for row in rows if row.split == split} for split in ("val", "test"))
    elsewhere = {"train": val | test, "val": test, "test": set()}
    return [row for row in rows if row.digest not in elsewhere[row.split]]


def _check_train(folder: ImageFolder, rows: Sequence[SplitRow]) -> None:
    groups = train_groups(rows)
    small = [name for label, name in enumerate(folder.classes) if len(groups.get(label, ())) < 2]
    if small:
        raise DataError(
            f"fewer than two different images to train on in {', '.join(map(repr, small))}",
            "add images that can be read (copies of one file count once), or remove the class",
        )
    if all(row.split == "train" for row in rows):
        raise DataError(
            f"too few images in {quoted(folder.root)}: none is left to test on",
            "give at least one class three different images, better every class ten",
        )


def _split_off_val(
    rows: Sequence[SplitRow], n_train: Counter[int], fraction: float, seed: int
) -> None:
    """Move a fraction of train to val, unless a class would have too few images there."""
    by_class = [
        _choose(groups, n_train[label] * fraction, seed)
        for label, groups in train_groups(rows).items()
    ]
    if min(map(len, by_class)) >= MIN_VALIDATION:
        for row in (row for chosen in by_class for row in chosen):
            row.split = "val"


def _choose(groups: Sequence[list[SplitRow]], target: float, seed: int) -> list[SplitRow]:
    """Choose about `target` images in whole groups, at least one, and leave at least two groups."""
    chosen: list[list[SplitRow]] = []
    room, spare = int(target + 0.5), max(0, len(groups) - 2)
    ranked = sorted(groups, key=lambda group: _rank(group[0].digest, seed))
    for group in ranked:
        if len(group) <= room and len(chosen) < spare:
            chosen.append(group)
            room -= len(group)
    smallest = sorted(ranked, key=len)[: min(1, spare)]
    return [row for group in chosen or smallest for row in group]


def _rank(digest: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{digest}".encode()).digest()
