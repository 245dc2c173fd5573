"""The folder that artifacts go into: one export at a time, each artifact whole or not at all.

An artifact is written, checked and given its contract in a folder of its own inside, and moved from
there under its name. What an export that was killed has left is removed by the next one.
"""

from __future__ import annotations

import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from tlearn.artifacts.contract import GOLDEN_FOLDER
from tlearn.artifacts.contract_file import CONTRACT_ENDING, contract_path
from tlearn.errors import ExportError, HostError, quoted
from tlearn.progress import ProgressCallback
from tlearn.storage.atomic import OUT_HINT, os_errors_as_host_errors, remove

_LOCK = ".export.lock"
_STAGED = ".export-"
_LEFT_STAGED = re.compile(r"\.(export|candidates)-[a-z0-9_]{8}")
_LEFT_WRITING = re.compile(r"\.[0-9a-f]{8}-((?:model|saved_model|classify_)[\w.]*?)(\.old)?")
_LEFT_GOLDEN = re.compile(r"\.[0-9a-f]{8}-[0-9a-f]{12}\.[\w.]+")


@contextmanager
def export_folder(folder: Path, progress: ProgressCallback) -> Iterator[None]:
    """Keep other exports out of a folder, which is made, and removed again if it stays empty.

    Args:
        folder: Where artifacts go.
        progress: Called with a step of its own if another export has to be waited for.

    Raises:
        HostError: The system refuses.
    """
    made = not folder.exists()
    lock = _lock(folder, progress)
    try:
        _remove_leftovers(folder)
        yield
    finally:
        with suppress(OSError):
            (folder / _LOCK).unlink()  # while it is held: see `_lock`
        lock.release()
        with suppress(OSError):  # it is not empty, as a rule
            if made:
                folder.rmdir()


@contextmanager
def staging(folder: Path) -> Iterator[Path]:
    """Yield a folder inside another to write in; what is left there goes with it.

    Raises:
        HostError: The system refuses.
    """
    with os_errors_as_host_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        staged = tempfile.TemporaryDirectory(dir=folder, prefix=_STAGED)
    with staged as path:
        yield Path(path)


def ensure_replaceable(path: Path, is_folder: bool) -> None:
    """Check that what stands where an artifact goes was an artifact.

    Raises:
        ExportError: A folder that is no SavedModel stands there.
        HostError: A device, a pipe or a folder stands where a file goes.
    """
    if is_folder and path.exists() and not (path / "saved_model.pb").exists():
        raise ExportError(f"{quoted(path)} exists and is no SavedModel", OUT_HINT)
    if not is_folder and path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "a device or a pipe"
        raise HostError(f"{quoted(path)} is {what}, and no file", OUT_HINT)


def publish(staged: Path, folder: Path) -> None:
    """Move an artifact and what belongs to it into a folder; its contract comes last.

    What was exported there before under that name goes, whether it had failed or not.

    Args:
        staged: What `staging` gave, with one artifact.
        folder: Where to.

    Raises:
        HostError: The system refuses.
    """
    with os_errors_as_host_errors(folder):
        contracts = sorted(staged.glob(f"*{CONTRACT_ENDING}"))
        golden = staged / GOLDEN_FOLDER
        if golden.is_dir():
            (folder / GOLDEN_FOLDER).mkdir(exist_ok=True)
            for file in golden.iterdir():
                os.replace(file, folder / GOLDEN_FOLDER / file.name)
        # The weights of OpenVINO, in a .bin, before the network that names them.
        parts = sorted(entry for entry in staged.iterdir() if entry not in (*contracts, golden))
        for part in parts:
            passed = folder / part.name.replace(".failed", "")
            remove(contract_path(passed))
            for place in (passed, passed.with_name(f"{passed.stem}.failed{passed.suffix}")):
                if place.name != part.name or part.suffix == ".xml":
                    remove(place)
        for part in (*parts, *contracts):
            _move(part, folder / part.name)


def _move(source: Path, target: Path) -> None:
    """Rename a file or a folder to where another may be."""
    if not target.is_dir():
        os.replace(source, target)
        return
    old = target.with_name(f".{secrets.token_hex(4)}-{target.name}.old")
    os.replace(target, old)
    os.replace(source, target)
    remove(old)


def _lock(folder: Path, progress: ProgressCallback) -> FileLock:
    """Wait until no other process exports into a folder.

    Who is done removes the file, so a lock may be on a file that is no longer there, while the next
    process makes and locks another. The one that is opened first stays the same file while it is
    open: if it still has the name once the lock is held, the lock is on it.
    """
    path = folder / _LOCK
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    with os_errors_as_host_errors(folder):
        while True:
            with suppress(FileNotFoundError):  # another process removed the folder it had made
                folder.mkdir(parents=True, exist_ok=True)
                handle = os.open(path, flags, 0o666)
                try:
                    lock = _acquired(path, progress)
                    if _is_at(handle, path):
                        return lock
                    lock.release()
                finally:
                    os.close(handle)


def _is_at(handle: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(handle), path.stat())
    return False


def _acquired(path: Path, progress: ProgressCallback) -> FileLock:
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        progress(f"wait for another export into {quoted(path.parent)}", 0, 0)
        lock.acquire(timeout=-1, poll_interval=0.2)
    return lock


def _remove_leftovers(folder: Path) -> None:
    """Remove what an export that was killed had begun; what it was replacing comes back."""
    with os_errors_as_host_errors(folder):
        for entry in list(folder.iterdir()):
            writing = _LEFT_WRITING.fullmatch(entry.name)
            if writing and writing[2] and not (folder / writing[1]).exists():
                os.replace(entry, folder / writing[1])
            elif writing or _LEFT_STAGED.fullmatch(entry.name):
                remove(entry)
        for entry in list((folder / GOLDEN_FOLDER).glob(".*")):
            if _LEFT_GOLDEN.fullmatch(entry.name):
                remove(entry)
