"""`tlearn doctor`: examine a folder, show what was found, and carry out what mends it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.commands.doctor_page import write_doctor_page
from tlearn.commands.examine import examine
from tlearn.commands.session import Session
from tlearn.data.image_folder import scan
from tlearn.doctor.examination import Examination
from tlearn.doctor.journal import moving
from tlearn.doctor.moves import apply_moves, is_list, read_moves, undo_moves, write_moves
from tlearn.errors import DataError, quoted
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.directory import ensure_no_run
from tlearn.storage.atomic import ensure_writable

PAGE, MOVES = "doctor.html", "moves.csv"


@dataclass(frozen=True)
class DoctorResult:
    """What was found in a folder, and where it was written down.

    Attributes:
        found: The findings.
        page: The page that shows them.
        moves: The list of moves that would mend them; None where there are none.
    """

    found: Examination
    page: Path
    moves: Path | None


def doctor(
    folder: Path,
    recipe: str | None = None,
    flags: Mapping[str, Any] | None = None,
    *,
    out: Path | None = None,
    keep_cache: bool = True,
    progress: ProgressCallback = no_progress,
) -> DoctorResult:
    """Examine a folder; nothing in it is changed.

    Args:
        folder: Image folder, or CSV of path and class, labels or number.
        recipe: Name or path of a recipe, for backbone and size.
        flags: Recipe keys set by flags.
        out: Where the page and the list go; by default `doctor/` and the folder's name, in the
            working folder or, where that is part of the image folder, beside the image folder.
        keep_cache: Keep decoded images and features for the next command.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The folder, the recipe or the weights cannot be used.
    """
    ensure_no_run(folder)
    with Session(folder, recipe, flags or {}, keep_cache=keep_cache, progress=progress) as session:
        images = session.scan_folder(examined=True)
        out = out or _place_for(folder, images.root)
        _ensure_outside(out, images.root)
        ensure_writable(out)
        _ensure_own(out / PAGE, out / MOVES)
        backbone = session.find_backbone()
        dataset = session.load_dataset(images, backbone, examined=True)
        workspace = session.open_backbone(dataset, backbone)
        workspace = session.extract_features(workspace)
        found = examine(session, workspace)
        moves = found.moves()
        if moves:
            write_moves(out / MOVES, moves)
        else:
            (out / MOVES).unlink(missing_ok=True)  # that of an earlier examination
        write_doctor_page(out / PAGE, found, folder, out / MOVES)
    return DoctorResult(found, out / PAGE, out / MOVES if moves else None)


def apply_list(folder: Path, moves: Path) -> int:
    """Move files as a list says; return how many.

    Raises:
        DataError: The folder or a line of the list cannot be used; nothing was moved.
    """
    folder, listed = folder.expanduser(), read_moves(moves)
    with moving(folder):
        return apply_moves(scan(folder, examined=True), listed)


def undo_list(folder: Path) -> int:
    """Take back the list that was carried out last; return how many files moved.

    Raises:
        DataError: There is none, or files were changed since.
    """
    root = folder.expanduser().resolve()
    with moving(root):
        return undo_moves(root)


def _place_for(folder: Path, root: Path) -> Path:
    """Return where the page goes if nobody says so: never among the images."""
    place = Path("doctor") / _name_of(folder)
    return root.parent / place if place.resolve().is_relative_to(root) else place


def _name_of(folder: Path) -> str:
    """Return a folder's name, and a file's without its suffix; `flowers-1.5` is a folder."""
    path = folder.expanduser().resolve()
    return path.name if path.is_dir() else path.stem


def _ensure_own(page: Path, moves: Path) -> None:
    """Refuse to replace or remove files of somebody else's making."""
    for path, is_own in ((page, _is_page), (moves, is_list)):
        if os.path.lexists(path) and not is_own(path):
            raise DataError(
                f"{quoted(path)} is there already, and was not written by tlearn doctor",
                "rename it, or write elsewhere: tlearn doctor FOLDER --out FOLDER",
            )


def _is_page(path: Path) -> bool:
    return path.is_file() and b"tlearn doctor" in path.read_bytes()


def _ensure_outside(out: Path, root: Path) -> None:
    if out.resolve().is_relative_to(root):
        raise DataError(
            f"{quoted(out)} is inside the image folder, which is not written to",
            "name a folder elsewhere: --out ../doctor",
        )
