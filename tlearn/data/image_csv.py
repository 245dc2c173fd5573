"""CSV files that list images: the columns path, label and, optionally, split and group."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from tlearn.errors import DataError, quoted
from tlearn.storage.regular_file import read_regular
from tlearn.storage.text import MAX_TEXT_BYTES

_COLUMNS = {"file": "path", "filename": "path", "image": "path", "class": "label"}
_COLUMNS |= {"part": "split", "partition": "split", "subset": "split"}
_COLUMNS |= {"group": "group", "group_id": "group", "patient": "group", "patient_id": "group"}
_COLUMNS |= {"subject": "group", "subject_id": "group"}
_COLUMNS |= {"set": "split", "path": "path", "label": "label", "split": "split"}


def read_image_csv(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Read the rows of a CSV file that lists images, whatever its delimiter.

    Args:
        path: A file in UTF-8 whose first line names the columns.

    Yields:
        For every row that is not blank, its line number and its cells by column: "path", "label"
        and, if there are such columns, "split" and "group".

    Raises:
        DataError: The file is not text, or names no columns path and label.
    """
    try:
        text = read_regular(path, MAX_TEXT_BYTES).decode("utf-8-sig")
        for delimiter in ",;\t|":
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
            header = [_COLUMNS.get(cell.strip().lower(), "") for cell in next(reader, [])]
            if {"path", "label"} <= {*header}:
                break
        else:
            raise DataError(
                f"the first line of {quoted(path)} does not name the columns path and label",
                "begin the file with the line path,label or path,label,split",
            )
        for cells in reader:
            if any(cell.strip() for cell in cells[len(header) :]):
                raise csv.Error(
                    f"line {reader.line_num} has {len(cells)} cells, the first line {len(header)}"
                )
            if any(cell.strip() for cell in cells):
                # Reversed, so that the first of two columns with the same meaning counts.
                pairs = [*zip(header, cells, strict=False)][::-1]
                yield reader.line_num, {column: cell.strip() for column, cell in pairs}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        message = f"cannot read {quoted(path)}: {reason}"
        raise DataError(message, "save it as CSV in UTF-8") from error
