"""CSV files that list images: the columns path, label and, optionally, split and group."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tlearn.data.csv_columns import guess_columns, has_boxes, looks_like_image, sure_columns
from tlearn.data.csv_labels import (
    ONE_CLASS,
    columns_of_labels,
    find_task,
    labels_with_commas,
    meaning_of_commas,
    read_number,
    refuse_columns_of_numbers,
    split_cells,
)
from tlearn.data.foreign import SAVE_IMAGES, file_error, recognize
from tlearn.data.notes import FolderNote, listed
from tlearn.data.targets import CLASSES, LABELS, NUMBER
from tlearn.errors import DataError, pasted, quoted
from tlearn.storage.regular_file import read_regular
from tlearn.storage.text import MAX_TEXT_BYTES

_DELIMITERS = ",;\t|"
_LOOKED_AT = 200
_FIRST_BYTES = 100_000
_PREAMBLE = re.compile(r"(?:(?:#[^\r\n]*|\"?sep=[^\r\n]{1,3})?(?:\r\n|\n|\r))+", re.I)
_PIXEL_COLUMN = re.compile(r"pixels?[ _]?\d*|\d+x\d+")
_CODED = re.compile(r"data:image/.*|[\w+/=-]{300,}", re.ASCII | re.DOTALL)


class ImageTable(NamedTuple):
    """The rows of a CSV file that lists images.

    Attributes:
        rows: For every row that is not blank, its line number and its cells by column: "path",
            "label" and, if there are such columns, "split" and "group".
        notes: What was guessed.
        task: What the labels are: CLASSES, LABELS or NUMBER.
        targets: Of every row, label to 1, 0 or NaN, or the name of the number to it; none where
            labels are classes.
    """

    rows: list[tuple[int, dict[str, str]]]
    notes: tuple[FolderNote, ...]
    task: str = CLASSES
    targets: Sequence[Mapping[str, float]] = ()


def read_image_csv(path: Path, task: str | None = None) -> ImageTable:
    """Read a CSV file that lists images, whatever its delimiter.

    Args:
        path: A file in UTF-8 or UTF-16 whose first line names the columns.
        task: What the labels are; None finds out.

    Raises:
        DataError: The file is not text, names no columns path and label, or its labels are not
            what they are said to be.
    """
    try:
        data = read_regular(path, MAX_TEXT_BYTES)
        text, skipped = _without_preamble(_decoded(data))
        header, meanings, delimiter = _columns(text)
        rows: list[tuple[int, list[str]]] = []
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        next(reader, None)
        for cells in reader:
            if any(cell.strip() for cell in cells[len(header) :]):
                raise csv.Error(
                    f"line {skipped + reader.line_num} has {len(cells)} cells, the first line "
                    f"{len(header)}"
                )
            if any(cell.strip() for cell in cells):
                rows.append((skipped + reader.line_num, cells))
    except UnicodeDecodeError as error:
        if recognize(path):
            raise file_error(path) from error
        raise DataError(
            f"cannot read {quoted(path)}: it is not text in UTF-8, by byte {error.start}",
            "save it as CSV in UTF-8, or convert it from the encoding it was written in: "
            f"iconv -f CP1252 -t UTF-8 {pasted(path)} > utf8.csv",
        ) from error
    except (OSError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        hint = "save it as CSV in UTF-8, a cell with the delimiter in it in quotes"
        raise DataError(f"cannot read {quoted(path)}: {reason}", hint) from error
    cells_of = [cells for _, cells in rows]
    _refuse_other_tables(path, header, meanings, cells_of)
    # Reversed, so that the first of two columns with the same meaning counts.
    pairs = [(line, [*zip(meanings, cells, strict=False)][::-1]) for line, cells in rows]
    table = [(line, {name: cell.strip() for name, cell in cells}) for line, cells in pairs]
    if "label" not in meanings:
        columns = columns_of_labels(header, meanings, cells_of)
        unused = [n for n, meaning in zip(header, meanings, strict=True) if not meaning and n]
        unused = [name for name in unused if name not in columns]
        return _from_columns(path, table, columns, unused, task)
    column, notes = header[meanings.index("label")], _notes(header, meanings)
    labels = [cells.get("label", "") for _, cells in table]
    paths = [cells.get("path", "") for _, cells in table]
    found = task or find_task([*zip(paths, labels, strict=True)], column)
    if found == LABELS:
        lists = split_cells(labels, column)
        return ImageTable(table, notes, found, [dict.fromkeys(own, 1.0) for own in lists])
    if found == NUMBER:
        return ImageTable(table, notes, found, _numbers(path, table, column))
    return ImageTable(table, notes + _note_on_commas([*dict.fromkeys(labels)]))


def _from_columns(
    path: Path,
    table: list[tuple[int, dict[str, str]]],
    columns: Mapping[str, Sequence[float]],
    unused: Sequence[str],
    task: str | None,
) -> ImageTable:
    """Return a table that has a column of 0 and 1 for each label; of classes, one 1 in a row."""
    notes: tuple[FolderNote, ...] = ()
    if unused:
        message = f"Not used, for cells that are neither 0 nor 1: the columns {listed(unused)}."
        notes = (FolderNote("columns", "note", message, tuple(unused)),)
    if task in (CLASSES, None) and {*map(sum, zip(*columns.values(), strict=True))} == {1.0}:
        for n, (_, cells) in enumerate(table):
            cells["label"] = next(name for name, column in columns.items() if column[n])
        return ImageTable(table, notes)
    if task not in (LABELS, None):
        raise DataError(
            f"{quoted(path)} has a column of 0 and 1 for each of {len(columns)} labels, "
            f"{listed(columns)}, and no column label",
            "learn them all: --task labels",
        )
    rows = zip(*columns.values(), strict=True)
    return ImageTable(table, notes, LABELS, [dict(zip(columns, row, strict=True)) for row in rows])


def _numbers(
    path: Path, table: list[tuple[int, dict[str, str]]], column: str
) -> list[dict[str, float]]:
    """Read a column of numbers; the error names every line that has none."""
    targets, errors = [], []
    try:
        comma = meaning_of_commas([cells.get("label", "") for _, cells in table])
    except ValueError as error:
        raise DataError(
            f"{quoted(path)} has numbers with a comma in the column {column!r}: {error}",
            "write them without separators of thousands, as 1000.5: tlearn finetune TABLE",
        ) from None
    for line, cells in table:
        try:
            targets.append({column: read_number(cells.get("label", ""), comma)})
        except ValueError as error:
            errors.append(f"line {line}: {error}")
    if errors:
        errors[10:] = [f"... and {len(errors) - 10} more"] if len(errors) > 10 else []
        raise DataError(
            "\n".join([f"{quoted(path)} has errors in the column {column!r}:", *errors]),
            "correct or remove those lines, or learn classes: tlearn finetune TABLE --task classes",
        )
    return targets


def lists_images(path: Path) -> bool:
    """Return whether a file begins as a CSV with columns for images and labels does."""
    try:
        with path.open("rb") as file:
            text = _decoded(file.read(_FIRST_BYTES), "replace")
        return {"path", "label"} <= {*_columns(_without_preamble(text)[0])[1]}
    except (OSError, csv.Error):
        return False


def _decoded(data: bytes, errors: str = "strict") -> str:
    """Return a text in UTF-8, or in UTF-16 as spreadsheets save "Unicode text"."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", errors)
    if b"\0" in data[:2]:  # of the first letter, which is ASCII
        return data.decode("utf-16-be" if data[0] == 0 else "utf-16-le", errors)
    return data.decode("utf-8-sig", errors)


def _without_preamble(text: str) -> tuple[str, int]:
    """Return a table without comments and the line `sep=;` above it, and how many lines these are.

    Spreadsheets write `sep=;` for themselves.
    """
    match = _PREAMBLE.match(text)
    above = match[0] if match else ""
    return text[len(above) :], len(above.splitlines())


def _columns(text: str) -> tuple[list[str], list[str], str]:
    """Return the names of the columns, their meanings and the delimiter between them."""
    found = []
    for delimiter in _DELIMITERS:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        header = [cell.strip() for cell in next(reader, [])]
        if {"path", "label"} <= {*sure_columns(header)}:
            return header, sure_columns(header), delimiter
        found.append((header, delimiter))
    header, delimiter = max(found, key=lambda pair: len(pair[0]))  # the first of the longest
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    next(reader, None)
    return header, guess_columns(header, [*islice(reader, _LOOKED_AT)]), delimiter


def _refuse_other_tables(
    path: Path, header: list[str], meanings: list[str], rows: list[list[str]]
) -> None:
    """Refuse a table without columns path and label, or with boxes, saying what it has instead."""
    if any(map(looks_like_image, header)):
        raise DataError(
            f"the first line of {quoted(path)} is a row, and does not name the columns path and "
            "label",
            "begin the file with the line path,label or path,label,split",
        )
    pixels = [name for name in header if _PIXEL_COLUMN.fullmatch(name.casefold())]
    coded = any(_CODED.fullmatch(cell.strip()) for row in rows[:_LOOKED_AT] for cell in row)
    if coded or (pixels and "path" not in meanings):
        where = f"in {listed(pixels)}" if pixels else "as text (base64)"
        raise DataError(
            f"{quoted(path)} holds the pixels of images, {where}, in place of paths", SAVE_IMAGES
        )
    if "path" in meanings:
        paths = Counter(row[meanings.index("path")] for row in rows if len(row) >= len(header))
        if has_boxes(header) and any(count > 1 for count in paths.values()):
            raise DataError(
                f"{quoted(path)} lists boxes or outlines, several of them in an image; {ONE_CLASS}",
                "cut the objects out, one file each, into one subfolder per class: "
                "tlearn suggest FOLDER",
            )
        if "label" not in meanings:
            if len(columns_of_labels(header, meanings, rows)) > 1:
                return
            refuse_columns_of_numbers(path, header, meanings, rows)
    if not {"path", "label"} <= {*meanings}:
        named = f"; its columns are {listed(header)}" if any(header) else ""
        raise DataError(
            f"the first line of {quoted(path)} does not name the columns path and label{named}",
            "begin the file with the line path,label or path,label,split",
        )


def _note_on_commas(labels: list[str]) -> tuple[FolderNote, ...]:
    names = tuple(labels_with_commas(labels))
    if not names:
        return ()
    message = (
        f"Labels such as {listed(names[:1])} are taken for the name of one class each, although "
        "what stands between the commas recurs. Keep one label in every row if they are lists."
    )
    return (FolderNote("columns", "warning", message, names),)


def _notes(header: list[str], meanings: list[str]) -> tuple[FolderNote, ...]:
    """Say which columns were taken, where that was guessed or another has the same meaning."""
    taken = {name: header[meanings.index(name)] for name in ("path", "label")}
    sure = sure_columns(header)
    guessed = [name for name in taken if name not in sure]
    unused = [name for name, meaning in zip(header, meanings, strict=True) if meaning in taken]
    unused = [name for name in unused if name not in taken.values()]
    sentences = []
    if guessed:
        sentences.append(
            f"By its columns, {taken['path']!r} was taken for the image and {taken['label']!r} for "
            "what is learned of it. Name them path and label if it is otherwise."
        )
    if unused:
        sentences.append(
            f"Of columns with the same meaning the first is used, not {listed(unused)}."
        )
    if has_boxes(header):
        sentences.append("Columns of boxes or outlines are not used: the whole image is.")
    if not sentences:
        return ()
    return (FolderNote("columns", "note", " ".join(sentences), tuple(taken.values())),)
