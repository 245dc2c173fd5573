"""Labels of a table that are not one class an image: several, numbers, columns of 0 and 1."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from tlearn.data.csv_columns import plain
from tlearn.data.notes import listed
from tlearn.errors import DataError, quoted

ONE_CLASS = "tlearn trains one class an image"
_SEPARATORS = ("|", ";", ",", "+", "&", "/", " ")
_PLURAL = {"labels", "classes", "categories", "targets", "findinglabels", "findings"}
_TAGS = {"tags", "attributes", "attributeids", "keywords"}
_QUANTITIES = "age|years?|price|cost|count|weight|height|width|length|depth|size|area|volume"
_QUANTITIES += "|score|rating|value|temperature|speed|distance|angle|number"
_FEW = 5
_LIST = re.compile(r"\[\s*(['\"\d{\[].*)?\]|\{\s*['\"].*\}|\(\s*['\"\d].*,.*\)", re.DOTALL)
_MANY_TWICE = 0.05
"""Share of images with several labels from which on they are meant, and no mistakes."""

_MANY = 20
"""Different whole numbers that may be classes, whatever else is known of them."""


def refuse_other_labels(path: Path, column: str, labels: Sequence[str]) -> None:
    """Refuse a table whose label column is not of one class an image.

    Args:
        path: The table.
        column: The name of the column.
        labels: Its cells.

    Raises:
        DataError: The message says what the labels are.
    """
    kinds = Counter(label for label in labels if label)
    if some := _several(kinds, plain(column)):
        raise DataError(
            f"{quoted(path)} has several labels in a cell of the column {column!r}, such as "
            f"{some!r}; {ONE_CLASS}",
            "keep one label in every row, or make one table for each question that one label "
            "answers: tlearn suggest TABLE.csv",
        )
    if number := _measured(kinds, column):
        raise DataError(
            f"{quoted(path)} has numbers for labels in the column {column!r}, such as {number!r}; "
            f"{ONE_CLASS}, not a quantity",
            "write the name of a range of numbers into the column label of every row, as in "
            "low,medium,high: tlearn suggest TABLE.csv",
        )


def labels_with_commas(labels: Sequence[str]) -> list[str]:
    """Return labels that may be lists of two, although each is read as one."""
    split = {label: _atoms(label, ",") for label in labels if "," in label}
    counts = Counter(atom for atoms in split.values() for atom in atoms)
    return [label for label, atoms in split.items() if any(counts[atom] > 1 for atom in atoms)]


def refuse_columns_of_labels(
    path: Path, header: Sequence[str], meanings: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Refuse a table that has a column for each label instead of one of labels.

    Args:
        path: The table.
        header: Names of the columns.
        meanings: What they are, "" where that is not known.
        rows: The cells below.

    Raises:
        DataError: The cells are 0 and 1, or other numbers.
    """
    values: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        for name, meaning, cell in zip(header, meanings, row, strict=False):
            if not meaning and name.strip():
                values[name.strip()].append(cell.strip().lower())
    binary = [name for name, cells in values.items() if _is_binary(cells)]
    if len(binary) > 1:
        columns = [values[name] for name in binary]
        ones = {sum(cell in _YES for cell in row) for row in zip(*columns, strict=False)}
        several = "" if ones == {1} else ", and an image can have several"
        raise DataError(
            f"{quoted(path)} has a column of 0 and 1 for each of {len(binary)} labels, "
            f"{listed(binary)}{several}; {ONE_CLASS}, named in one column",
            "write the name of the class of each image into a column label, with the header "
            "path,label: tlearn suggest TABLE.csv",
        )
    numbers = [name for name, cells in values.items() if _measured(Counter(cells))]
    if len(numbers) > 1:
        raise DataError(
            f"{quoted(path)} has numbers in the columns {listed(numbers)} and no column of labels; "
            f"{ONE_CLASS}, not a quantity",
            "write the class of each image into a column label, with the header path,label: "
            "tlearn suggest TABLE.csv",
        )


def refuse_repeated(path: Path, pairs: Sequence[tuple[str, str]]) -> None:
    """Refuse a table that gives many images several labels, in a row each.

    Args:
        path: The table.
        pairs: Of every row, image and label.

    Raises:
        DataError: One such row may be a mistake, and is told as one.
    """
    labels: dict[str, set[str]] = defaultdict(set)
    for image, label in pairs:
        labels[image].add(label)
    several = [image for image, given in labels.items() if len(given) > 1]
    if len(several) > 1 and len(several) > _MANY_TWICE * len(labels):
        raise DataError(
            f"{quoted(path)} gives {len(several)} of {len(labels)} images several labels, in a row "
            f"each, such as {several[0]!r}: {listed(sorted(labels[several[0]]))}; {ONE_CLASS}",
            "keep one row for every image, or make one table for each question that one label "
            "answers: tlearn suggest TABLE.csv",
        )


_YES = {"1", "1.0", "true", "yes", "x"}
_NO = {"0", "0.0", "false", "no", "", "-1", "-1.0"}


def _is_binary(cells: Sequence[str]) -> bool:
    kinds = {*cells}
    return kinds <= _YES | _NO and bool(kinds & _YES or kinds & {"0", "0.0"})


def _several(labels: Counter[str], column: str) -> str:
    """Return a cell that holds several labels, or nothing."""
    for label in labels:
        if _LIST.fullmatch(label):
            return label
    for separator in _SEPARATORS:
        split = {label: _atoms(label, separator) for label in labels}
        joint = [label for label, atoms in split.items() if len(atoms) > 1]
        if joint and (separator in "|;" or _share_atoms(split, joint, column, separator)):
            return joint[0]
    return ""


def _atoms(label: str, separator: str) -> list[str]:
    return [atom for atom in (part.strip() for part in label.split(separator)) if atom]


def _share_atoms(
    split: dict[str, list[str]], joint: Sequence[str], column: str, separator: str
) -> bool:
    """Return whether the parts of cells are labels: they stand in other cells as well, in any mix.

    "tench, Tinca tinca" has parts of its own, and "red rose" and "white rose" are names of
    classes. With a space between them, only cells of one to many parts are taken for lists.
    """
    counts = Counter(atom for atoms in split.values() for atom in {*atoms})
    shared = [label for label in joint if all(counts[atom] > 1 for atom in split[label])]
    if separator == " ":
        sizes = {len(atoms) for atoms in split.values()}
        names = all(" " not in label or label in shared for label in split)
        some = [label for label in joint if any(counts[atom] > 1 for atom in split[label])]
        tags = column in _TAGS and 2 * len(some) > len(joint)
        return len(sizes) > 1 and (tags or (names and column in _PLURAL))
    if separator == "/":
        shared = []
    alone = {atoms[0] for atoms in split.values() if len(atoms) == 1}
    listed_alone = [label for label in joint if {*split[label]} <= alone]
    return 2 * len({*shared, *listed_alone}) > len(joint)


def _measured(labels: Counter[str], column: str = "") -> str:
    """Return a label that shows that they are numbers of a scale, not of classes; or nothing."""
    try:
        numbers = {label: float(label.replace(",", ".")) for label in labels}
    except ValueError:
        return ""
    fractions = [label for label, number in numbers.items() if number % 1]
    if fractions:
        return fractions[0]
    # Of many different whole numbers, mostly seen once or twice, the cells are counts or ages.
    few_each = sum(labels.values()) < 3 * len(labels)
    named = re.fullmatch(_QUANTITIES, plain(column)) and len(labels) > _FEW
    return next(iter(labels), "") if named or (len(labels) > _MANY and few_each) else ""
