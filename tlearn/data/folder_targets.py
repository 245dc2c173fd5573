"""Class folders read as labels (an image may stand in several), or as numbers (their names)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlearn.data.csv_labels import read_number
from tlearn.data.good_images import OUTPUTS, good_and_bad
from tlearn.data.notes import Row
from tlearn.data.table_rows import refuse_unknown
from tlearn.data.targets import NUMBER, ONE_CLASS, matrix, strata
from tlearn.data.walk import natural_key
from tlearn.errors import DataError, quoted
from tlearn.storage.digest import digest_of_file

_NAME = "number"
"""What the number of folders is called: their names say its values alone."""


def target_rows(
    root: Path, rows: Sequence[Row], task: str, outputs: Sequence[str]
) -> tuple[list[Row], tuple[str, ...]]:
    """Return the images with what is to be learned of each, and the names of the outputs.

    Args:
        root: The folder.
        rows: Images in class folders.
        task: LABELS or NUMBER.
        outputs: Of a model that is to be scored; empty where one is to be trained.

    Raises:
        DataError: A folder's name is no number, or there is nothing to learn.
    """
    scored = bool(outputs)
    if task == ONE_CLASS:
        return good_and_bad(root, rows, scored), OUTPUTS
    if task == NUMBER:
        kept, outputs = list(rows), tuple(outputs) or (_NAME,)
        given = [{outputs[0]: _number_of(root, row.class_name)} for row in rows]
    else:
        kept, given = _joined(root, rows)
        named = {row.class_name for row in rows}
        outputs = tuple(outputs) or tuple(sorted(named, key=natural_key))
        refuse_unknown(root, named, outputs)
    values = matrix(given, outputs)
    names = [task] * len(kept) if scored else strata(task, outputs, values)
    return [
        row._replace(class_name=name, target=tuple(target))
        for row, name, target in zip(kept, names, values.tolist(), strict=True)
    ], outputs


def _joined(root: Path, rows: Sequence[Row]) -> tuple[list[Row], list[dict[str, float]]]:
    """Return every image once, by its content, with the folders that it stands in."""
    first: dict[str, Row] = {}
    labels: dict[str, dict[str, float]] = {}
    for row in rows:
        digest = digest_of_file(root / row.name)
        if first.setdefault(digest, row).split != row.split:
            raise DataError(
                f"{first[digest].name!r} and {row.name!r} are one image, in different splits",
                "keep each image in one split: tlearn doctor FOLDER",
            )
        labels.setdefault(digest, {})[row.class_name] = 1.0
    return [*first.values()], [*labels.values()]


def _number_of(root: Path, name: str) -> float:
    try:
        return read_number(name)
    except ValueError:
        raise DataError(
            f"the folder {name!r} in {quoted(root)} is not named by a number",
            "rename it, or learn classes: tlearn finetune FOLDER --task classes",
        ) from None
