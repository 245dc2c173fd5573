"""The list of files that would better stand elsewhere, carried out and taken back.

`moves.csv` has the columns path, what and suggestion. A person may edit it; then the files that
have a suggestion are moved: into `quarantine/` beside the classes, or into another class. Nothing
is deleted and nothing overwritten. A journal in `quarantine/` gets the whole list before the first
move, so that an interrupted one can be taken back too.
"""

from __future__ import annotations

import csv
import io
import os
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.notes import archive_names
from tlearn.data.walk import QUARANTINE
from tlearn.doctor.journal import (
    HINT,
    Step,
    forget,
    journal_of,
    move_file,
    read_steps,
    write_steps,
)
from tlearn.errors import DataError, pasted, quoted
from tlearn.storage.atomic import os_errors_as_host_errors, write_atomic
from tlearn.storage.names import free_name
from tlearn.storage.regular_file import read_regular
from tlearn.storage.text import MAX_TEXT_BYTES

COLUMNS = ("path", "what", "suggestion")
TO_QUARANTINE = "quarantine"
TO_CLASS = "move to "
_DELIMITERS = ",;\t"
"""Spreadsheets of some languages save a list with semicolons."""


@dataclass(frozen=True)
class Move:
    """One line of `moves.csv`.

    Attributes:
        path: The file, relative to the image folder, with forward slashes.
        what: What was found, for a person.
        suggestion: "quarantine", "move to CLASS", or "" where a person should decide.
    """

    path: str
    what: str
    suggestion: str


def write_moves(path: Path, moves: Sequence[Move]) -> None:
    """Write a list as CSV.

    Raises:
        HostError: It cannot be written.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerows([COLUMNS, *((move.path, move.what, move.suggestion) for move in moves)])
    write_atomic(path, text.getvalue())


def read_moves(path: Path) -> list[Move]:
    """Read a list, with or without the column what.

    Raises:
        DataError: It cannot be read or is no such list; the message names the line.
    """
    again = "make it again: tlearn doctor FOLDER"
    try:
        text = read_regular(path, MAX_TEXT_BYTES).decode("utf-8-sig", "surrogateescape")
        for delimiter in _DELIMITERS:
            lines = io.StringIO(text, newline="")
            rows = csv.DictReader(lines, delimiter=delimiter, strict=True)
            if {"path", "suggestion"} <= {*(rows.fieldnames or ())}:
                return [_move_of(row) for row in rows]
        raise DataError(f"{quoted(path)} has no columns path and suggestion", again)
    except OSError as error:
        raise DataError(f"cannot read {quoted(path)}: {error.strerror}", again) from error
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{quoted(path)} is no list of moves: {error}", again) from error


def is_list(path: Path) -> bool:
    """Return whether a file can be read as a list of moves."""
    try:
        read_moves(path)
    except DataError:
        return False
    return True


def _move_of(row: dict[str, str | None]) -> Move:
    path, what, suggestion = (row.get(name) or "" for name in COLUMNS)
    return Move(path, what, suggestion.strip())  # the name of a file may end with a space


def apply_moves(folder: ImageFolder, moves: Sequence[Move]) -> int:
    """Move the files that have a suggestion; every line is checked before the first move.

    Args:
        folder: The image folder as it is now.
        moves: From `read_moves`.

    Returns:
        The number of files moved.

    Raises:
        DataError: A line cannot be carried out, or the images stand in a CSV or an archive.
        HostError: The system refuses a move; those before it stay, and can be taken back.
    """
    if error := _not_movable(folder):
        raise error
    journal = journal_of(folder.root)
    images = {image.name: image for image in folder.images}
    wanted: dict[str, str] = {}
    errors = []
    for number, move in enumerate(moves, start=2):
        if not move.suggestion:
            continue
        try:
            target = _target(folder, images, move)
            if wanted.setdefault(move.path, target) != target:
                raise ValueError(f"{move.path!r} is listed twice, with different suggestions")
        except ValueError as error:
            errors.append(f"line {number}: {error}")
    if errors:
        errors[10:] = [f"... and {len(errors) - 10} more"] if len(errors) > 10 else []
        raise DataError("\n".join(["the moves have errors:", *errors]), "correct those lines")
    if not wanted:
        return 0
    taken: set[str] = set()
    targets = {source: free_name(folder.root, target, taken) for source, target in wanted.items()}
    before = read_steps(journal)
    batch = before[-1].batch + 1 if before else 1
    write_steps(journal, [*before, *(Step(batch, *pair) for pair in targets.items())])
    with os_errors_as_host_errors(folder.root, HINT):
        for source, target in targets.items():
            move_file(folder.root / source, folder.root / target)
    return len(targets)


def is_movable(folder: ImageFolder) -> bool:
    """Return whether moving files of a folder would mend it."""
    return _not_movable(folder) is None


def undo_moves(root: Path) -> int:
    """Take back the last list that was carried out.

    Args:
        root: The image folder.

    Returns:
        The number of files moved back.

    Raises:
        DataError: Nothing was carried out, or a file has been moved or replaced since.
        HostError: The system refuses.
    """
    journal = journal_of(root)
    steps = read_steps(journal)
    if not steps:
        hint = "see what it would change: tlearn doctor FOLDER"
        raise DataError(f"nothing was moved in {quoted(root)} by tlearn doctor", hint)
    last = [step for step in steps if step.batch == steps[-1].batch]
    moved = [step for step in last if os.path.lexists(root / step.target)]
    for step in moved:
        if os.path.lexists(root / step.source):
            raise DataError(
                f"{step.source!r} is there again, and {step.target!r} cannot be moved back to it",
                f"rename one of them, then: tlearn doctor {pasted(root)} --undo",
            )
    with os_errors_as_host_errors(root, HINT):
        for step in reversed(moved):
            move_file(root / step.target, root / step.source)
        forget(
            root / QUARANTINE, journal, [step for step in steps if step.batch != steps[-1].batch]
        )
    return len(moved)


def _not_movable(folder: ImageFolder) -> DataError | None:
    if folder.layout == "csv":
        return DataError(
            "the classes stand in a CSV file, which is not edited",
            "change or delete those lines of the CSV yourself",
        )
    if archive_names(folder.notes):
        return DataError(
            "the images are those of an archive, which is not edited",
            "unpack it, and name the folder: tlearn doctor FOLDER --apply moves.csv",
        )
    return None


def _target(folder: ImageFolder, images: dict[str, LabeledImage], move: Move) -> str:
    """Return where a file goes; a ValueError says why it cannot."""
    image = images.get(move.path)
    if image is None:
        raise ValueError(f"{move.path!r} is no image of {quoted(folder.root)}")
    if move.suggestion == TO_QUARANTINE:
        return f"{QUARANTINE}/{move.path}"
    if not move.suggestion.startswith(TO_CLASS):
        raise ValueError(f"{move.suggestion!r} is neither 'quarantine' nor 'move to CLASS'")
    if (wanted := move.suggestion.removeprefix(TO_CLASS)) not in folder.classes:
        raise ValueError(f"there is no class {wanted!r}")
    label = folder.classes.index(wanted)
    if label == image.label:
        raise ValueError(f"{move.path!r} is in the class {wanted!r}")
    neighbors = [other for other in folder.images if other.label == label]
    same_split = [other for other in neighbors if other.split == image.split]
    place = _class_folder(folder.layout, (same_split or neighbors)[0], wanted)
    if image.path.is_symlink() and not (folder.root / place / image.path.readlink()).exists():
        raise ValueError(f"{move.path!r} is a link, and from {place!r} it would lead nowhere")
    return f"{place}/{PurePosixPath(move.path).name}"


def _class_folder(layout: str, image: LabeledImage, class_name: str) -> str:
    """Return the folder of an image's class, relative to the image folder."""
    parts = PurePosixPath(image.name).parts[:-1]
    names = [unicodedata.normalize("NFC", part) for part in parts]
    after_split = 1 if layout == "splits" else 0  # a class may be called as its split is
    depth = names.index(unicodedata.normalize("NFC", class_name), after_split)
    return "/".join(parts[: depth + 1])
