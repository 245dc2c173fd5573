"""The place of a run, and how two runs change places.

A run that replaces another is trained beside it, in a folder named after its place.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from tlearn.errors import RunError, pasted, quoted
from tlearn.runs.directory import MARKS, RUN_FILES, RunDirectory
from tlearn.storage.atomic import ensure_writable, remove

BESIDE = re.compile(r"\.(.+)\.new")
TEMPORARY = re.compile(r"\.[0-9a-f]{8}-.+")
"""What a write that was killed leaves behind; see `storage.atomic`."""


def place_of(run: RunDirectory) -> Path:
    """Return where a run will be in the end."""
    found = BESIDE.fullmatch(run.path.name)
    return run.path.with_name(found[1]) if found else run.path


def beside(place: Path) -> RunDirectory:
    """Return where a run is trained that will replace the one in a place."""
    place = place.resolve()  # it may be a link to another disk, or "."
    return RunDirectory(place.with_name(f".{place.name}.new"))


def old_of(place: Path) -> Path:
    """Return where the run of before is while another takes its place."""
    place = place.resolve()
    return place.with_name(f".{place.name}.old")


def recover(place: Path) -> None:
    """Complete the change of places between two runs, wherever it was interrupted."""
    old, place = old_of(place), place.resolve()
    if not any((old / mark).exists() for mark in MARKS):
        return
    if not place.exists():
        os.replace(old, place)
        return
    for entry in old.iterdir():
        if entry.name not in RUN_FILES and not TEMPORARY.fullmatch(entry.name):
            os.replace(entry, place / entry.name)
        elif entry.name not in MARKS:  # they say until the end whose folder it is
            remove(entry)
    remove(old)


def ensure_replaceable(place: Path) -> None:
    """Raise a RunError if the run in a place cannot be moved away."""
    target = place.resolve()
    if target in (Path.cwd(), *Path.cwd().parents):
        problem, hint = "is the folder you are in", "go out of it first: cd .."
    elif target.is_mount():
        problem, hint = "is a mount point", f"name a folder in it: --out {pasted(place / 'run')}"
    else:
        ensure_writable(target.parent)
        return
    raise RunError(f"{quoted(place)} {problem}, and a run there cannot be replaced", hint)
