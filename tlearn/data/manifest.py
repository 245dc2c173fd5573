"""The manifest of a split: which image is in train, val or test, as a record and as a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.data.parts import SPLITS
from tlearn.errors import DataError, quoted
from tlearn.storage.regular_file import read_regular
from tlearn.storage.text import MAX_TEXT_BYTES

FOLDS = 5
"""Cross-validation folds if val would be too small; fewer if a class has fewer images."""

_COLUMNS = ["name", "label", "class", "split", "sha256", "group"]
_TARGET_COLUMN = "target"
_OLDER_COLUMNS = [  # without groups, and as the first version wrote them
    ["name", "label", "class", "split", "sha256"],
    ["name", "label", "class", "part", "sha256"],
]
_HINT = "copy it from another copy of the run, or train again: tlearn finetune FOLDER"


@dataclass
class SplitRow:
    """One image of a split.

    Attributes:
        name: Its key, the path relative to the folder.
        label: Index of its class.
        digest: SHA-256 of the file.
        split: "train", "val" or "test".
        group: What it shares with the images that have to be in the same split; of an image on its
            own, the digest.
        target: What is to be learned of it where that is no class; see `targets.matrix`.
    """

    name: str
    label: int
    digest: str
    split: str
    group: str = ""
    target: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        self.group = self.group or self.digest


@dataclass(frozen=True, eq=False)
class SplitManifest:
    """The split of the n usable images of a folder.

    Attributes:
        classes: Class names.
        names: (n,) keys of the images.
        labels: int64 (n,) indices into `classes`.
        splits: (n,) "train", "val" or "test".
        digests: (n,) SHA-256 of the files.
        report_split: The split that final results come from: "test", or "val" if there is no test.
        folds: Number of cross-validation folds of train that replace a validation split; 0 if
            there is one.
        groups: (n,) what images of one group share; left out, every file is a group of its own.
        targets: float64 (n, outputs), what is learned of each image; None where it is its class.
    """

    classes: tuple[str, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    splits: tuple[str, ...]
    digests: tuple[str, ...]
    report_split: str
    folds: int
    groups: tuple[str, ...] = ()
    targets: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", self.groups or self.digests)

    @classmethod
    def of(cls, classes: Sequence[str], rows: Sequence[SplitRow]) -> SplitManifest:
        """Build the manifest of rows, in their order."""
        splits = tuple(row.split for row in rows)
        groups = train_groups(rows).values()
        return cls(
            classes=tuple(classes),
            names=tuple(row.name for row in rows),
            labels=np.array([row.label for row in rows], np.int64),
            splits=splits,
            digests=tuple(row.digest for row in rows),
            report_split="test" if "test" in splits else "val",
            folds=0 if "val" in splits else min(FOLDS, *map(len, groups)),
            groups=tuple(row.group for row in rows),
            targets=np.array([row.target for row in rows]) if rows and rows[0].target else None,
        )

    def indices(self, split: str) -> np.ndarray:
        """Return the rows of one split, int64."""
        return np.flatnonzero(np.array(self.splits, dtype="U5") == split)

    def groups_of(self, split: str) -> tuple[str, ...]:
        """Return the groups of a split's images, in the order of `indices(split)`."""
        return tuple(self.groups[row] for row in self.indices(split))

    def trained_on(self, digests: Sequence[str]) -> np.ndarray:
        """Return which files are in train, or in val, which may serve to choose: bool (n,).

        Args:
            digests: (n,) SHA-256 of the files.
        """
        pairs = zip(self.digests, self.splits, strict=True)
        known = {digest for digest, split in pairs if split != "test"}
        return np.array([digest in known for digest in digests], bool)

    def count(self, split: str) -> int:
        """Return the number of images in one split."""
        return self.splits.count(split)


def train_groups(rows: Sequence[SplitRow]) -> dict[int, list[list[SplitRow]]]:
    """Collect the rows of train by class, and those of a class by group."""
    groups: dict[int, dict[str, list[SplitRow]]] = {}
    for row in rows:
        if row.split == "train":
            by_group = groups.setdefault(row.label, {})
            by_group.setdefault(row.group, []).append(row)
    return {label: [*groups[label].values()] for label in sorted(groups)}


def write_manifest(manifest: SplitManifest, path: Path) -> None:
    """Write a manifest as CSV with the columns name, label, class, split, sha256, group.

    Where something else than classes is learned, a column target holds its values, in the order of
    `labels.txt`, with nan for unknown; classes are strata then.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)  # its line end, CR LF, has it quote names that contain either
    class_names = [manifest.classes[label] for label in manifest.labels]
    labels = manifest.labels.tolist()
    facts = (manifest.splits, manifest.digests, manifest.groups)
    columns = [manifest.names, labels, class_names, *facts]
    header = list(_COLUMNS)
    if manifest.targets is not None:
        header.append(_TARGET_COLUMN)
        columns.append([" ".join(map(repr, row)) for row in manifest.targets.tolist()])
    writer.writerows([header, *zip(*columns, strict=True)])
    # File names need not be valid UTF-8; surrogates carry the bytes of those that are not.
    path.write_bytes(text.getvalue().encode("utf-8", "surrogateescape"))


def read_manifest(path: Path) -> SplitManifest:
    """Read a manifest exactly as it was written.

    Raises:
        DataError: The file cannot be read, or is damaged; the message names the line.
    """
    rows: dict[str, SplitRow] = {}
    classes: dict[int, str] = {}
    try:
        text = read_regular(path, MAX_TEXT_BYTES).decode("utf-8", "surrogateescape")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = next(reader, None)
        if header not in (_COLUMNS, [*_COLUMNS, _TARGET_COLUMN], *_OLDER_COLUMNS):
            raise ValueError(f"the columns should be {','.join(_COLUMNS)}")
        for row, class_name in (_parse(cells, len(header)) for cells in reader):
            if classes.setdefault(row.label, class_name) != class_name:
                raise ValueError(f"label {row.label} stands for two classes")
            if rows.setdefault(row.name, row) is not row:
                raise ValueError(f"{row.name!r} is listed twice")
    except OSError as error:
        raise DataError(f"cannot read {quoted(path)}: {error.strerror}", _HINT) from error
    except (ValueError, csv.Error) as error:
        raise DataError(f"{quoted(path)}, line {reader.line_num}: {error}", _HINT) from error
    trained = {row.label for row in rows.values() if row.split == "train"}
    # Strata need not all be in train, and of good images there is one alone.
    strata = any(row.target for row in rows.values())
    least = bool(trained) if strata else len(trained) > 1 and trained == {*classes}
    if not least or {*classes} != {*range(len(classes))}:
        raise DataError(f"{quoted(path)} has no train images of a class", _HINT)
    return SplitManifest.of([classes[label] for label in sorted(classes)], [*rows.values()])


def _parse(cells: Sequence[str], n_columns: int) -> tuple[SplitRow, str]:
    """Check one line; a ValueError says what is wrong with it."""
    if len(cells) != n_columns:
        raise ValueError(f"{len(cells)} columns instead of {n_columns}")
    name, label, class_name, split, digest, *others = cells
    if not label.isdecimal():
        raise ValueError(f"the label {label!r} is not a number")
    if split not in SPLITS:
        raise ValueError(f"the split {split!r} is none of {', '.join(SPLITS)}")
    if not re.fullmatch("[0-9a-f]{64}", digest):
        raise ValueError(f"{digest!r} is not a SHA-256 digest")
    group, target = [*others, "", ""][:2]
    values = tuple(map(float, target.split()))
    return SplitRow(name, int(label), digest, split, group, values), class_name
