"""Which picture trains, which one chooses, which one judges; written down once and reused.

Byte-identical files are one group and never stand on two sides. Groups are ordered by a keyed hash
of their digest, so a split depends on the seed and the pictures alone, not on the file system, a
library's random numbers or the other classes, and one more picture moves few of the others.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.data.decode import ImageInfo
from tlearn.data.image_folder import SPLITS, ImageFolder
from tlearn.errors import DataError

FOLDS = 5
"""Folds where a validation split would be too small; fewer when a class has fewer pictures."""

MIN_VALIDATION = 2
"""Validation pictures a class needs; below, cross-validation replaces the validation split."""

_COLUMNS = ["name", "label", "class", "split", "sha256"]
_FIRST_COLUMNS = ["name", "label", "class", "part", "sha256"]  # as the first version wrote them


@dataclass(frozen=True, eq=False)
class SplitManifest:
    """The n pictures in use: their keys (`names`), `labels` (int64, into `classes`), `splits`
    ("train", "val" or "test") and the SHA-256 `digests` of their files.

    The final figures come from `report_split`: "test", or "val" without one. Where `folds` is not
    0, cross-validation with so many folds of train stands for a validation split.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    splits: tuple[str, ...]
    digests: tuple[str, ...]
    report_split: str
    folds: int

    def indices(self, split: str) -> np.ndarray:
        """Rows of one part, int64."""
        return np.flatnonzero(np.array(self.splits, dtype="U5") == split)

    def count(self, split: str) -> int:
        """Number of pictures in one part."""
        return self.splits.count(split)


@dataclass
class _Row:
    name: str
    label: int
    digest: str
    split: str


def make_split(
    folder: ImageFolder,
    facts: Sequence[ImageInfo],
    *,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    seed: int = 0,
) -> SplitManifest:
    """Divide the readable pictures, class by class, or take over ready-made parts.

    Args:
        folder: What was scanned.
        facts: `facts[i]` belongs to `folder.images[i]`.
        val_fraction: Share of the pictures (of train, where a test split is given) for "val".
        test_fraction: Share of the pictures for "test".
        seed: Another seed, another split.

    Returns:
        Pictures in the order of `folder.images`, without unreadable ones, without those filed
        under two classes, and without copies in train (or val) of what stands in val or test.

    Raises:
        DataError: A class has too few pictures, or train lacks it.
    """
    if not 0 < min(val_fraction, test_fraction) < val_fraction + test_fraction < 1:
        raise DataError(
            f"val_fraction {val_fraction} and test_fraction {test_fraction} leave a part empty",
            "give two fractions above 0 whose sum is below 1, such as 0.15 and 0.15",
        )
    rows = _usable(folder, facts)
    given = {image.split for image in folder.images} - {None}
    if given:
        _check_parts(folder, rows)
        rows = _without_leaks(rows)
    totals = Counter(row.label for row in rows if row.split == "train")
    if not given:
        for label, groups in _train_groups(rows).items():
            for row in _choose(groups, totals[label] * test_fraction, seed):
                row.split = "test"
    _check_train(folder, rows)
    if "val" in given:
        return _split(folder.classes, rows)
    chosen = [
        _choose(groups, totals[label] * val_fraction, seed)
        for label, groups in _train_groups(rows).items()
    ]
    enough = min(map(len, chosen)) >= MIN_VALIDATION
    for row in (row for of_class in chosen for row in of_class if enough):
        row.split = "val"
    return _split(folder.classes, rows)


def fold_indices(
    labels: np.ndarray, digests: Sequence[str], k: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Divide rows into k folds with about equal shares of every class.

    Largest groups first, each to the fold that has the fewest rows of its class, then of all.

    Args:
        labels: int (n,).
        digests: (n,); rows with the same digest share a fold.
        k: Number of folds; at most that of different digests.
        seed: Another seed, other folds.

    Returns:
        For every fold the rows to train on and the rows held out; each row is held out once.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, digest in enumerate(digests):
        rows_of[digest].append(row)
    if not 2 <= k <= len(rows_of):
        raise ValueError(f"expected 2 <= k <= {len(rows_of)} digests. Received: k={k}")
    held = np.zeros((k, int(np.max(labels)) + 1), np.int64)
    fold_of = np.empty(len(labels), np.int64)
    for digest in sorted(rows_of, key=lambda digest: (-len(rows_of[digest]), _rank(digest, seed))):
        rows = rows_of[digest]
        label = labels[rows[0]]
        fold = int(np.lexsort((held.sum(axis=1), held[:, label]))[0])
        held[fold, label] += len(rows)
        fold_of[rows] = fold
    return [(np.flatnonzero(fold_of != f), np.flatnonzero(fold_of == f)) for f in range(k)]


def write_manifest(manifest: SplitManifest, path: Path) -> None:
    """Write a split as CSV with the columns name, label, class, split, sha256."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # its line end, CR LF, has it quote names that hold either
    labeled = [manifest.classes[label] for label in manifest.labels]
    columns = (manifest.names, manifest.labels.tolist(), labeled, manifest.splits, manifest.digests)
    writer.writerows([_COLUMNS, *zip(*columns, strict=True)])
    # File names need not be UTF-8; surrogates carry the bytes of those that are not.
    path.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def read_manifest(path: Path) -> SplitManifest:
    """Read a split back, exactly as written; a DataError names the line that is broken."""
    rows: dict[str, _Row] = {}
    classes: dict[int, str] = {}
    try:
        text = path.read_bytes().decode("utf-8", "surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        if next(reader, None) not in (_COLUMNS, _FIRST_COLUMNS):
            raise ValueError(f"the columns should be {','.join(_COLUMNS)}")
        for row, class_name in map(_parse, reader):
            if classes.setdefault(row.label, class_name) != class_name:
                raise ValueError(f"label {row.label} stands for two classes")
            if rows.setdefault(row.name, row) is not row:
                raise ValueError(f"{row.name!r} is listed twice")
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}", _MANIFEST_HINT) from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"'{path}', line {reader.line_num}: {error}", _MANIFEST_HINT) from error
    trained = {row.label for row in rows.values() if row.split == "train"}
    if len(trained) < 2 or not trained == {*classes} == {*range(len(classes))}:
        raise DataError(f"'{path}' lacks train pictures of a class", _MANIFEST_HINT)
    return _split([classes[label] for label in sorted(classes)], [*rows.values()])


_MANIFEST_HINT = "it is written by a run and not meant to be edited: start the run again"


def _parse(cells: Sequence[str]) -> tuple[_Row, str]:
    if len(cells) != len(_COLUMNS):
        raise ValueError(f"{len(cells)} columns instead of {len(_COLUMNS)}")
    name, label, class_name, split, digest = cells
    if not label.isdecimal():
        raise ValueError(f"the label {label!r} is not a number")
    if split not in SPLITS:
        raise ValueError(f"the split {split!r} is none of {', '.join(SPLITS)}")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"{digest!r} is not a SHA-256 digest")
    return _Row(name, int(label), digest, split), class_name


def _split(classes: Sequence[str], rows: Sequence[_Row]) -> SplitManifest:
    splits = tuple(row.split for row in rows)
    groups = _train_groups(rows).values()
    return SplitManifest(
        classes=tuple(classes),
        names=tuple(row.name for row in rows),
        labels=np.array([row.label for row in rows], np.int64),
        splits=splits,
        digests=tuple(row.digest for row in rows),
        report_split="test" if "test" in splits else "val",
        folds=0 if "val" in splits else min(FOLDS, *map(len, groups)),
    )


def _usable(folder: ImageFolder, facts: Sequence[ImageInfo]) -> list[_Row]:
    """Readable pictures, without those filed under two classes."""
    rows = [
        _Row(image.name, image.label, fact.sha256, image.split or "train")
        for image, fact in zip(folder.images, facts, strict=True)
        if fact.problem is None
    ]
    labels_of: dict[str, set[int]] = defaultdict(set)
    for row in rows:
        labels_of[row.digest].add(row.label)
    usable = [row for row in rows if len(labels_of[row.digest]) == 1]
    found = {row.label for row in usable}
    if len(found) < 2:
        empty = [repr(name) for label, name in enumerate(folder.classes) if label not in found]
        raise DataError(
            f"too few classes: no picture of {', '.join(empty)} in '{folder.root}' can be used",
            "replace pictures that cannot be read and those filed under two classes",
        )
    return usable


def _check_parts(folder: ImageFolder, rows: Sequence[_Row]) -> None:
    trained = {image.label for image in folder.images if image.split == "train"}
    for image in folder.images:
        if image.label not in trained:
            known = [folder.classes[label] for label in sorted(trained)]
            name = folder.classes[image.label]
            near = difflib.get_close_matches(name, known, 1)
            hint = f"if it is {near[0]!r}, rename it" if near else "add it to train, or remove it"
            raise DataError(f"{image.split} holds the class {name!r}, train does not", hint)
    for split in {str(image.split) for image in folder.images} - {p.split for p in rows}:
        raise DataError(f"no picture of the {split} split can be used", "replace its pictures")


def _without_leaks(rows: Sequence[_Row]) -> list[_Row]:
    """Drop from train what stands in val or test, and from val what stands in test."""
    val, test = ({p.digest for p in rows if p.split == split} for split in ("val", "test"))
    taken = {"train": val | test, "val": test, "test": set()}
    return [row for row in rows if row.digest not in taken[row.split]]


def _check_train(folder: ImageFolder, rows: Sequence[_Row]) -> None:
    groups = _train_groups(rows)
    short = [name for label, name in enumerate(folder.classes) if len(groups.get(label, ())) < 2]
    if short:
        raise DataError(
            f"fewer than two different pictures to train on in {', '.join(map(repr, short))}",
            "add pictures that can be read (copies of one file count once), or remove the class",
        )
    if all(row.split == "train" for row in rows):
        raise DataError(
            f"too few pictures in '{folder.root}': none is left to test on",
            "give at least one class three different pictures, better every class ten",
        )


def _train_groups(rows: Sequence[_Row]) -> dict[int, list[list[_Row]]]:
    """For every class the pictures of train, grouped by digest."""
    groups: dict[int, dict[str, list[_Row]]] = {}
    for row in rows:
        if row.split == "train":
            by_digest = groups.setdefault(row.label, {})
            by_digest.setdefault(row.digest, []).append(row)
    return {label: [*groups[label].values()] for label in sorted(groups)}


def _choose(groups: Sequence[list[_Row]], target: float, seed: int) -> list[_Row]:
    """About `target` pictures, in whole groups: one at least, and two groups stay behind."""
    chosen: list[list[_Row]] = []
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


Fold = tuple[np.ndarray, np.ndarray]
