"""What the labels of a table are: one class an image, several labels, or a number."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tlearn.data.csv_columns import plain
from tlearn.data.notes import listed
from tlearn.data.targets import CLASSES, LABELS, NUMBER
from tlearn.errors import DataError, quoted

ONE_CLASS = "tlearn trains one class an image"
_SEPARATORS = ("|", ";", ",", "+", "&", "/", " ")
_LISTED = "[]"
"""Stands for cells that are lists, as Python and JSON write them."""
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

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.IGNORECASE | re.ASCII)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?", re.ASCII)
_TOO_LARGE = 1e30
"""Models compute in 32 bits, which end at 3e38."""

_MOST = 0.9
"""Share of the cells that are numbers where the others are taken for mistakes."""

_YES = {"1", "1.0", "true", "yes", "x"}
_NO = {"0", "0.0", "false", "no"}
_NOT_THERE = {"", "nan", "na", "n/a", "?", "none", "null"}
_UNKNOWN = _NOT_THERE | {"-1", "-1.0"}


def find_task(pairs: Sequence[tuple[str, str]], column: str) -> str:
    """Return what a column of labels holds: a class an image, several labels, or a number.

    Args:
        pairs: Of every row, image and label.
        column: The name of the column.
    """
    kinds = Counter(label for _, label in pairs if label)
    grouped = any(",0" in label for label in kinds)  # no label of a list begins with 0
    if grouped and all(_THOUSANDS.fullmatch(a) or _NUMBER.fullmatch(a) for a in kinds):
        return NUMBER
    if _separator(kinds, plain(column)) or _many_repeated(pairs):
        return LABELS
    return NUMBER if _measured(kinds, column) else CLASSES


def split_cells(cells: Sequence[str], column: str) -> list[list[str]]:
    """Return the labels that each cell of a column lists; none of an empty cell.

    Args:
        cells: Of every row.
        column: The name of the column.
    """
    kinds = Counter(filter(None, cells))
    separator = _separator(kinds, plain(column))
    separator = separator or next((s for s in "|;," if any(s in cell for cell in kinds)), "")
    if separator == _LISTED:
        return [[a.strip(_QUOTES) for a in _atoms(cell.strip("[](){} "), ",")] for cell in cells]
    return [_atoms(cell, separator) if separator else [cell] * bool(cell) for cell in cells]


_QUOTES = " '\""


def read_number(cell: str, comma: str = ".") -> float:
    """Return the number in a cell.

    Args:
        cell: Its text.
        comma: What a comma in it stands for, see `meaning_of_commas`.

    Raises:
        ValueError: There is none.
    """
    text = cell.replace("\N{MINUS SIGN}", "-").replace(",", comma)
    if not _NUMBER.fullmatch(text):
        raise ValueError(f"{cell!r} is not a number")
    if abs(float(text)) >= _TOO_LARGE:
        raise ValueError(f"{cell!r} is too large a number")
    return float(text)


def meaning_of_commas(cells: Sequence[str]) -> str:
    """Return what commas in a column of numbers stand for: "." of decimals, or "" of thousands.

    Raises:
        ValueError: They may be both.
    """
    with_commas = [cell for cell in cells if "," in cell]
    if not with_commas or not all(map(_THOUSANDS.fullmatch, with_commas)):
        return "."
    if any("." in cell or cell.count(",") > 1 for cell in cells):
        return ""
    cell = with_commas[0]
    raise ValueError(f"{cell!r} may be {cell.replace(',', '')} or {cell.replace(',', '.')}")


def is_number(cell: str) -> bool:
    """Return whether `read_number` reads a cell."""
    try:
        read_number(cell)
    except ValueError:
        return False
    return True


def columns_of_labels(
    header: Sequence[str], meanings: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, list[float]]:
    """Return the columns that say of one label whether an image has it, with NaN for unknown.

    A blank says no where a column has no other way to say it.

    Args:
        header: Names of the columns.
        meanings: What they are, "" where that is not known.
        rows: The cells below.
    """
    found: dict[str, list[float]] = {}
    for name, cells in _unnamed_columns(header, meanings, rows).items():
        kinds = {*cells}
        if kinds & (_YES | _NO) and kinds <= _YES | _NO | _UNKNOWN:
            blank = math.nan if kinds & _NO else 0.0
            found[name] = [float(c in _YES) if c in _YES | _NO else blank for c in cells]
    return found


def refuse_columns_of_numbers(
    path: Path, header: Sequence[str], meanings: Sequence[str], rows: Sequence[Sequence[str]]
) -> None:
    """Refuse a table with several columns of numbers, of which none is called label.

    Args:
        path: The table.
        header: Names of the columns.
        meanings: What they are, "" where that is not known.
        rows: The cells below.

    Raises:
        DataError: The cells are numbers.
    """
    columns = _unnamed_columns(header, meanings, rows)
    numbers = [name for name, cells in columns.items() if _measured(Counter(cells))]
    if len(numbers) > 1:
        raise DataError(
            f"{quoted(path)} has numbers in the columns {listed(numbers)} and no column of labels",
            "call the one to learn label, in the first line: tlearn suggest TABLE.csv",
        )


def _unnamed_columns(
    header: Sequence[str], meanings: Sequence[str], rows: Sequence[Sequence[str]]
) -> dict[str, list[str]]:
    return {
        name.strip(): [row[n].strip().lower() if n < len(row) else "" for row in rows]
        for n, (name, meaning) in enumerate(zip(header, meanings, strict=False))
        if not meaning and name.strip()
    }


def _many_repeated(pairs: Sequence[tuple[str, str]]) -> bool:
    """Return whether many images have several labels, in a row each; a few may be mistakes."""
    labels: dict[str, set[str]] = defaultdict(set)
    for image, label in pairs:
        labels[image].add(label)
    several = sum(len(given) > 1 for given in labels.values())
    return several > 1 and several > _MANY_TWICE * len(labels)


def labels_with_commas(labels: Sequence[str]) -> list[str]:
    """Return labels that may be lists of two, although each is read as one."""
    split = {label: _atoms(label, ",") for label in labels if "," in label}
    counts = Counter(atom for atoms in split.values() for atom in atoms)
    return [label for label, atoms in split.items() if any(counts[atom] > 1 for atom in atoms)]


def _separator(labels: Counter[str], column: str) -> str:
    """Return what stands between the labels of a cell, or nothing where cells hold one each."""
    if any(map(_LIST.fullmatch, labels)):
        return _LISTED
    for separator in _SEPARATORS:
        split = {label: _atoms(label, separator) for label in labels}
        joint = [label for label, atoms in split.items() if len(atoms) > 1]
        if joint and (separator in "|;" or _share_atoms(split, joint, column, separator)):
            return separator
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
    there = {label: n for label, n in labels.items() if label.lower() not in _NOT_THERE}
    numbers: dict[str, float] = {}
    for label in there:
        with suppress(ValueError):
            numbers[label] = read_number(label)
    mistakes = there.keys() - numbers.keys()
    if mistakes and sum(map(labels.__getitem__, mistakes)) > (1 - _MOST) * sum(there.values()):
        return ""
    fraction = next((label for label, number in numbers.items() if number % 1), "")
    if fraction and not mistakes:
        return fraction
    # Of many different numbers, mostly seen once or twice, the cells are counts or ages.
    few_each = sum(labels.values()) < 3 * len(labels)
    named = re.fullmatch(_QUANTITIES, plain(column)) and len(labels) > _FEW
    return next(iter(numbers), "") if named or (len(labels) > _MANY and few_each) else ""
