"""Who uses a folder of the cache: a folder in use is neither trimmed nor cleared.

Each user holds a lock on a file of its own, beside the folder. The system lets go of it when the
process ends, however it ends, so a crash leaves no folder in use.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from filelock import FileLock, Timeout

from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors

_TRASH, UNFINISHED = ".trash-", ".unfinished-"


class Lease:
    """The use of a folder by this process, until `release_leases` or the end of the process.

    Args:
        folder: Created if missing; the time of its last use becomes now.

    Raises:
        HostError: The folder cannot be written.
    """

    _held: ClassVar[set[Lease]] = set()

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = _users(folder) / f"{os.getpid()}-{secrets.token_hex(4)}"
        with os_errors_as_host_errors(folder, CACHE_HINT), folder_lock(folder):
            path.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(parents=True, exist_ok=True)
            os.utime(folder)
            self._lock = FileLock(path, thread_local=False)
            self._lock.acquire()
        Lease._held.add(self)

    def release(self) -> None:
        """End the use; files that are open can still be read."""
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


@contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside one of the cache; it goes in the end, or when the cache is trimmed.

    Raises:
        HostError: It cannot be written.
    """
    scratch = folder.with_name(f"{UNFINISHED}{folder.name}-{os.getpid()}")
    lease = Lease(scratch)
    try:
        with os_errors_as_host_errors(scratch, CACHE_HINT):
            yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        lease.release()
        Lease._held.remove(lease)


def release_leases(folder: Path) -> None:
    """End every use by this process of a folder and of those below it."""
    for lease in list(Lease._held):
        if lease.folder.is_relative_to(folder):
            lease.release()
            Lease._held.remove(lease)


def folder_lock(folder: Path) -> FileLock:
    """Return the lock that writers of a folder take; it stands beside it, and survives it."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(folder.with_name(f".{folder.name}.lock"))


def in_use(folder: Path) -> bool:
    """Return whether any process uses a folder, this one included."""
    for path in _users(folder).glob("*"):
        lock = FileLock(path, timeout=0)
        try:
            with lock:
                path.unlink(missing_ok=True)  # of a process that has ended
        except Timeout:
            return True
    return False


def remove_unused(folder: Path) -> bool:
    """Remove a folder unless a process uses it.

    It is renamed first, so that whoever comes next finds either all of it or nothing.

    Returns:
        Whether it was removed.
    """
    trash = folder.with_name(f"{_TRASH}{secrets.token_hex(4)}")
    with folder_lock(folder):
        if in_use(folder):
            return False
        folder.rename(trash)
    shutil.rmtree(trash, ignore_errors=True)
    return True


def remove_leftovers(folder: Path) -> None:
    """Remove what a process that was killed had begun to write or to remove."""
    unfinished = (path for path in folder.glob(f"{UNFINISHED}*") if not in_use(path))
    for path in (*folder.glob(f"{_TRASH}*"), *unfinished):
        shutil.rmtree(path, ignore_errors=True)


def _users(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.in-use")
