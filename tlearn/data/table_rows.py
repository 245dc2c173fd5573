"""The rows of a table of images, each with a file that is there, and what it is to be called."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tlearn.data.archives import is_archive, unpack_command
from tlearn.data.csv_paths import find_files
from tlearn.data.good_images import OUTPUTS, good_and_bad
from tlearn.data.image_csv import ImageTable, read_image_csv
from tlearn.data.notes import FolderNote, Row
from tlearn.data.parts import SPLIT_NAMES
from tlearn.data.targets import CLASSES, LABELS, ONE_CLASS, matrix, strata
from tlearn.data.walk import list_entries, natural_key
from tlearn.errors import DataError, pasted, quoted
from tlearn.storage.regular_file import kind_of

_OUTSIDE = "is outside the folder of the CSV file"


class TableRows(NamedTuple):
    """What a table says of images.

    Attributes:
        rows: Each image once.
        notes: What was guessed.
        task: What is learned of an image: CLASSES, LABELS or NUMBER.
        outputs: Names of the labels, or of the number; none of classes.
    """

    rows: list[Row]
    notes: tuple[FolderNote, ...]
    task: str = CLASSES
    outputs: tuple[str, ...] = ()


def scan_table(
    path: Path, scored: bool, task: str | None = None, outputs: Sequence[str] = ()
) -> TableRows:
    """Read a CSV; the splits that it gives are those to use, and without any they are drawn.

    Args:
        path: The table.
        scored: Whether a model is to be scored, and nothing trained.
        task: What is learned of an image; None finds out.
        outputs: Of a model that is to be scored, its labels or the name of its number.

    Raises:
        DataError: The table has errors; the message names their lines.
    """
    table = read_image_csv(path, CLASSES if task == ONE_CLASS else task)
    files, notes = find_files(path, [cells.get("path", "") for _, cells in table.rows])
    rows, targets = _rows(path, table, files)
    splits = Counter(row.split for row in rows.values())
    if splits.keys() - {None}:
        _check_splits(path, splits, scored)
    # Images for training alone are divided, as those of a lone folder "train" are.
    drawn = not scored and splits.keys() <= {"train", None}
    listed = [row._replace(split=None) if drawn else row for row in rows.values()]
    notes = (*table.notes, *notes)
    if task == ONE_CLASS:
        return TableRows(good_and_bad(path.parent, listed, scored), notes, task, OUTPUTS)
    if table.task == CLASSES:
        return TableRows(listed, notes)
    if table.task == LABELS or not outputs:
        named = {name for given in targets.values() for name in given}
        outputs = tuple(outputs) or tuple(sorted(named, key=natural_key))
        refuse_unknown(path, named, outputs)
    else:
        (output,) = outputs
        targets = {name: {output: next(iter(of.values()))} for name, of in targets.items()}
    values = matrix([*targets.values()], outputs)
    own = strata(table.task, outputs, values) if not scored else [table.task] * len(values)
    targeted = [
        row._replace(class_name=name, target=tuple(row_values))
        for row, name, row_values in zip(listed, own, values.tolist(), strict=True)
    ]
    return TableRows(targeted, notes, table.task, tuple(outputs))


def _rows(
    path: Path, table: ImageTable, files: dict[str, str]
) -> tuple[dict[str, Row], dict[str, Mapping[str, float]]]:
    """Return the images by name, and what is to be learned of each."""
    rows: dict[str, Row] = {}
    targets: dict[str, Mapping[str, float]] = {}
    errors: list[str] = []
    for n, (line, cells) in enumerate(table.rows):
        try:
            given = table.targets[n] if table.targets else {}
            row = _row(path.parent, cells, files, bool(table.targets))
            if table.task == LABELS:  # a row for each label
                known = targets.get(row.name, {})
                if any({known.get(name), given[name]} == {0.0, 1.0} for name in given):
                    raise ValueError(f"{row.name!r} is listed twice, with different labels")
                targets[row.name] = {**given, **{k: v for k, v in known.items() if v == v}}
            elif targets.setdefault(row.name, given) != given:
                raise ValueError(f"{row.name!r} is listed twice, with different numbers")
            if rows.setdefault(row.name, row) != row:
                raise ValueError(
                    f"{row.name!r} is listed twice, with different labels, splits or groups"
                )
        except ValueError as error:
            errors.append(f"line {line}: {error}")
    if errors:
        errors[10:] = [f"... and {len(errors) - 10} more"] if len(errors) > 10 else []
        packed = [entry for entry in map(Path, list_entries(path.parent)) if is_archive(entry)]
        hint = f"or unpack the images first: {unpack_command(packed[0])}" if packed else ""
        if any(error.endswith("it has no label") for error in errors):
            hint = hint or "or say that a row without one is an image of none: --task labels"
        if all(error.endswith(_OUTSIDE) for error in errors[:10]):
            hint = f"or put the table into a folder above the images: cp {pasted(path)} FOLDER"
        raise DataError(
            "\n".join([f"{quoted(path)} has errors:", *errors]),
            ", ".join(filter(None, ("correct those lines", hint))),
        )
    return rows, targets


def refuse_unknown(path: Path, named: set[str], outputs: Sequence[str]) -> None:
    """Refuse labels that a model does not know."""
    if unknown := sorted(named - {*outputs}):
        raise DataError(
            f"{quoted(path)} has labels that the model does not know: "
            f"{', '.join(map(repr, unknown[:5]))}; it knows {', '.join(map(repr, outputs[:5]))}",
            "correct them, name a model that knows them, or train one: tlearn finetune TABLE",
        )


def _check_splits(path: Path, splits: Counter[str | None], scored: bool) -> None:
    """Refuse splits that cannot be used as they are: a CSV is never split anew in silence."""
    found = ", ".join(f"{count} {name or 'without a split'}" for name, count in splits.items())
    every = "write train, val or test into the column split of every row, or leave the column out"
    if None in splits:
        raise DataError(f"{quoted(path)} has rows without a split: {found}", every)
    if "train" not in splits and not scored:
        raise DataError(f"no row of {quoted(path)} is for training: {found}", every)


def _row(root: Path, cells: dict[str, str], files: dict[str, str], targeted: bool) -> Row:
    """Check one row of a CSV; a ValueError says what is wrong with it."""
    name, label, split = (cells.get(key, "") for key in ("path", "label", "split"))
    if "\0" in name:
        raise ValueError(f"the path {name!r} has a character that no path has")
    if targeted:
        label = ""
    elif not name or not label:
        raise ValueError(f"it has no {'label' if name else 'path'}")
    if not name:
        raise ValueError("it has no path")
    if split and split.lower() not in SPLIT_NAMES:
        raise ValueError(f"the split {split!r} is none of train, val, test")
    path = Path(os.path.realpath(root / files.get(name, name)))
    if not path.is_relative_to(root):
        raise ValueError(f"{name!r} {_OUTSIDE}")
    try:
        status = os.stat(path)
    except OSError as error:
        reason = "cannot be used: " + (error.strerror or "").lower()
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise ValueError(f"{name!r} {'does not exist' if missing else reason}") from None
    if kind := kind_of(status.st_mode):
        raise ValueError(f"{name!r} is {kind}, not an image")
    part, group = SPLIT_NAMES.get(split.lower()), cells.get("group") or None
    return Row(path.relative_to(root).as_posix(), label, part, group)
