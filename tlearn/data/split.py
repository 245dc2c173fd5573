"""The train/validation/test split, and cross-validation folds.

Images of a group always stay in the same split: those with the same pixels, and those that a person
says belong together. Groups are ordered by a keyed hash of their name (of an image on its own, its
digest), so a split depends on the seed and the images alone, not on the file system, a library's
random numbers or the other classes, and one more image moves few of the others. scikit-learn's
StratifiedGroupKFold depends on the order of the files, and moves most images for a new one.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence

import numpy as np

from tlearn.data.good_images import split_good
from tlearn.data.groups import group_keys, looks
from tlearn.data.image_folder import ImageFolder
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest, SplitRow, train_groups
from tlearn.data.split_checks import check_existing_splits, check_train, named
from tlearn.data.targets import CLASSES, ONE_CLASS, refuse_constant
from tlearn.errors import DataError

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
    groups: Sequence[str | None] = (),
) -> SplitManifest:
    """Split the readable images class by class, or take over the splits that the folder has.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
        val_fraction: Fraction of the images (of train, if the folder has a test split) for val.
        test_fraction: Fraction of the images for test.
        seed: Another seed gives another split.
        groups: `groups[i]` is shared by the images that have to stay with `folder.images[i]`;
            None, or nothing at all, where no others have to. Copies stay together in any case.

    Returns:
        The images in the order of `folder.images`, without unreadable ones, without those in more
        than one class, and without images in train (or val) whose group is also in val or test.

    Raises:
        DataError: A class has too few images, or is missing in train.
    """
    if not 0 < min(val_fraction, test_fraction) < val_fraction + test_fraction < 1:
        raise DataError(
            f"val_fraction {val_fraction} and test_fraction {test_fraction} leave a split empty",
            "choose fractions above 0 with a sum below 1: "
            "--set val_fraction=0.15 --set test_fraction=0.15",
        )
    rows = usable_rows(folder, infos, groups)
    existing = {image.split for image in folder.images} - {None}
    listed = rows
    if existing:
        if folder.task != ONE_CLASS:  # there, bad images may be in test alone
            check_existing_splits(folder, rows)
        rows = without_leaks(rows)
    classes = _join_strata(folder, rows) if folder.has_strata else folder.classes
    n_train = Counter(row.label for row in rows if row.split == "train")
    if not existing:
        for chosen in choose(rows, n_train, test_fraction, seed).values():
            for row in chosen:
                row.split = "test"
    if folder.task == ONE_CLASS:
        return split_good(folder.classes, rows)
    check_train(folder, rows, listed)
    if "val" not in existing:
        split_off_val(rows, n_train, val_fraction, seed)
    manifest = SplitManifest.of(classes, rows)
    if manifest.targets is not None:
        refuse_constant(folder.task, folder.outputs, manifest.targets[manifest.indices("train")])
    return manifest


def fold_indices(labels: np.ndarray, groups: Sequence[str], k: int, seed: int) -> list[Fold]:
    """Divide rows into k folds with about equal shares of every class.

    The largest groups come first, each into the fold with the fewest rows of its classes, then of
    all classes; but where that fold alone has a class of it so far, into another, so that every
    fold leaves some of the class to learn from.

    Args:
        labels: int (n,).
        groups: (n,); rows of the same group share a fold.
        k: Number of folds; at most the number of groups.
        seed: Another seed gives other folds.

    Returns:
        For every fold, the rows to fit on and those held out; each row is held out once.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, group in enumerate(groups):
        rows_of[group].append(row)
    if not 2 <= k <= len(rows_of):
        raise ValueError(f"expected 2 <= k <= {len(rows_of)} groups, got k={k}")
    sizes = np.bincount(labels)
    n_held_out = np.zeros((k, len(sizes)), np.int64)
    fold_of = np.empty(len(labels), np.int64)
    for group in sorted(rows_of, key=lambda group: (-len(rows_of[group]), _rank(group, seed))):
        rows = rows_of[group]
        own, counts = np.unique(labels[rows], return_counts=True)
        if len(own) == 1:
            order = np.lexsort((n_held_out.sum(axis=1), n_held_out[:, own[0]]))
        else:
            held_out = n_held_out[:, own]
            alone = ((held_out > 0) & (held_out == held_out.sum(axis=0))).sum(axis=1)
            # Shares of the class, so that of a group with several its rarest counts most.
            of_classes = (held_out / sizes[own]) @ (counts / sizes[own])
            order = np.lexsort((n_held_out.sum(axis=1), of_classes, alone))
        n_held_out[order[0], own] += counts
        fold_of[rows] = order[0]
    return [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(k)]


def usable_rows(
    folder: ImageFolder, infos: Sequence[ImageInfo], groups: Sequence[str | None]
) -> list[SplitRow]:
    """Return the readable images, in train unless the folder says so.

    Those in more than one class are left out; the strata of labels and numbers are no classes.
    """
    readable = [n for n, info in enumerate(infos) if info.problem is None]
    images, facts = [folder.images[n] for n in readable], [infos[n] for n in readable]
    files: dict[str, dict[int, str]] = defaultdict(dict)  # of each image, the first of a label
    for image, info in zip(images, facts, strict=True):
        files[looks(info)].setdefault(image.label, image.name)
    keys = group_keys(facts, [groups[n] for n in readable] if groups else [])
    usable = [
        SplitRow(image.name, image.label, info.sha256, image.split or "train", key, image.target)
        for image, info, key in zip(images, facts, keys, strict=True)
        if len(files[looks(info)]) == 1 or folder.has_strata
    ]
    labels = {row.label for row in usable}
    if folder.task != CLASSES:
        return usable
    if len(folder.classes) < 2:
        raise DataError(
            f"{folder.classes[0]!r} is the only class",
            "add a subfolder with images of something else",
        )
    if len(labels) < 2:
        empty = [repr(name) for label, name in enumerate(folder.classes) if label not in labels]
        pairs = [[*names.values()][:2] for names in files.values() if len(names) > 1]
        same = "".join(f": {one!r} and {other!r} are the same image" for one, other in pairs[:1])
        raise DataError(
            f"no image of {', '.join(empty)} in {named(folder)} can be used{same}",
            "replace images that cannot be read, and keep each image in one class only",
        )
    return usable


def _join_strata(folder: ImageFolder, rows: Sequence[SplitRow]) -> list[str]:
    """Join strata of fewer than three groups, of which none can be spared, with the largest."""
    groups = train_groups(rows)
    kept = [label for label in groups if len(groups[label]) > 2]
    largest = max(kept, key=lambda label: len(groups[label]), default=0)
    kept = kept or [largest]
    for row in rows:
        row.label = kept.index(row.label if row.label in kept else largest)
    return [folder.classes[label] for label in kept]


def without_leaks(rows: Sequence[SplitRow]) -> list[SplitRow]:
    """Drop from train the images whose group is in val or test, and from val those in test."""
    val, test = ({row.group for row in rows if row.split == split} for split in ("val", "test"))
    elsewhere = {"train": val | test, "val": test, "test": set()}
    return [row for row in rows if row.group not in elsewhere[row.split]]


def split_off_val(
    rows: Sequence[SplitRow], n_train: Counter[int], fraction: float, seed: int
) -> None:
    """Move a fraction of train to val, unless a class would have too few images there."""
    chosen = choose(rows, n_train, fraction, seed)
    n_val = Counter(row.label for rows_of_class in chosen.values() for row in rows_of_class)
    if all(n_val[label] >= MIN_VALIDATION for label in chosen):
        for row in (row for rows_of_class in chosen.values() for row in rows_of_class):
            row.split = "val"


def choose(
    rows: Sequence[SplitRow], n_train: Counter[int], fraction: float, seed: int
) -> dict[int, list[SplitRow]]:
    """Choose about a fraction of each class in whole groups, at least one group, and leave two.

    Args:
        rows: Those of train are chosen from.
        n_train: Images of each class that the fraction is of.
        fraction: Fraction of each class.
        seed: Of the order in which groups are tried.

    Returns:
        For each class in train, the rows chosen for its sake, those of other classes included.
    """
    whole: dict[str, list[SplitRow]] = defaultdict(list)
    for row in rows:
        if row.split == "train":
            whole[row.group].append(row)
    counts = {key: Counter(row.label for row in group) for key, group in whole.items()}
    of_class = {label: [g[0].group for g in groups] for label, groups in train_groups(rows).items()}
    room = {label: int(n_train[label] * fraction + 0.5) for label in of_class}
    spare = {label: max(0, len(keys) - 2) for label, keys in of_class.items()}
    chosen: dict[int, list[str]] = {label: [] for label in of_class}
    taken: set[str] = set()

    def take(label: int, key: str) -> None:
        chosen[label].append(key)
        taken.add(key)
        for other, count in counts[key].items():
            room[other] -= count
            spare[other] -= 1

    for label, keys in of_class.items():
        ranked = sorted(keys, key=lambda key: _rank(key, seed))
        for key in ranked:
            fits = all(n <= room[other] and spare[other] for other, n in counts[key].items())
            if key not in taken and fits:
                take(label, key)
        if not taken.intersection(keys):
            free = [key for key in ranked if all(spare[other] for other in counts[key])]
            for key in sorted(free, key=lambda key: counts[key].total())[:1]:
                take(label, key)
    return {label: [row for key in keys for row in whole[key]] for label, keys in chosen.items()}


def _rank(key: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{key}".encode()).digest()
