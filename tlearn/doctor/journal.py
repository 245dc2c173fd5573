"""The journal of the files that were moved, by which they are taken back."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from filelock import FileLock, Timeout

from tlearn.data.walk import QUARANTINE, QUARANTINE_JOURNAL
from tlearn.errors import DataError, pasted, quoted
from tlearn.storage.atomic import os_errors_as_host_errors, write_atomic
from tlearn.storage.regular_file import read_regular
from tlearn.storage.text import MAX_TEXT_BYTES

_LOCK = ".tlearn-moves.lock"
HINT = "change its permissions, or work on a copy of the folder"


@dataclass(frozen=True)
class Step:
    """A move made or about to be: paths relative to the image folder.

    Where images are sorted into a folder, targets are relative to that, and sources are absolute.
    """

    batch: int
    source: str
    target: str


def journal_of(root: Path) -> Path:
    """Return the journal's path.

    Raises:
        DataError: The folder that it belongs in is somebody's own.
    """
    folder = root / QUARANTINE
    journal = folder / QUARANTINE_JOURNAL
    if os.path.islink(folder) or (os.path.lexists(folder) and not journal.is_file()):
        raise DataError(
            f"{quoted(folder)} was not made by tlearn doctor",
            "rename it: files would be moved into a folder of that name",
        )
    return journal


@contextmanager
def moving(root: Path) -> Iterator[None]:
    """Keep other processes from moving files in an image folder at the same time.

    The lock stands in the folder, which two machines may share while their caches are their own.

    Args:
        root: The image folder; an archive or a table, in which nothing is moved, is not locked.

    Raises:
        DataError: Another process moves files there.
        HostError: The system refuses.
    """
    if not root.is_dir():
        yield
        return
    lock = FileLock(root / _LOCK, timeout=0)
    with os_errors_as_host_errors(root, HINT):
        try:
            lock.acquire()
        except Timeout:
            raise DataError(
                f"another tlearn is moving files in {quoted(root)}",
                f"wait for it, then see what is left to do: ls {pasted(root)}",
            ) from None
    try:
        yield
    finally:
        with suppress(PermissionError):  # Windows removes it with the release
            Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def read_steps(journal: Path, sources_inside: bool = True) -> list[Step]:
    """Read the steps in their order; none where there is no journal.

    Args:
        journal: The file.
        sources_inside: Whether sources have to be in the folder too, and not targets alone.

    Raises:
        DataError: It is damaged, or names files outside the image folder.
    """
    if not journal.exists():
        return []
    try:
        lines = read_regular(journal, MAX_TEXT_BYTES).decode().splitlines()
        steps = [Step(**json.loads(line)) for line in lines]
        inside = [step.target for step in steps]
        if sources_inside:
            inside += [step.source for step in steps]
        elif not all(os.path.isabs(step.source) for step in steps):
            raise ValueError("a source is not absolute")
        for name in inside:
            if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts:
                raise ValueError(f"{name!r} is outside the image folder")
        return steps
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"{quoted(journal)} is damaged",
            f"move the files back by hand: ls {pasted(journal.parent)}",
        ) from error


def write_steps(journal: Path, steps: Sequence[Step]) -> None:
    """Write the steps, all of them or none."""
    write_atomic(journal, "".join(json.dumps(vars(step)) + "\n" for step in steps), HINT)


def forget(folder: Path, journal: Path, left: Sequence[Step]) -> None:
    """Keep the steps that are left; without any, remove a folder's parts that have become empty."""
    if left:
        write_steps(journal, left)
        return
    journal.unlink()
    for empty, _, _ in [*os.walk(folder)][::-1]:
        if not os.listdir(empty):
            os.rmdir(empty)


def move_file(source: Path, target: Path) -> None:
    """Move a file on one disk; a target that exists is not replaced.

    Raises:
        OSError: The system refuses, or something is there already.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(target):  # since it was looked at; a rename would replace it
        raise FileExistsError(errno.EEXIST, "")
    os.rename(source, target)
