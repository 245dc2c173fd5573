"""A file that is read and extended in place, by several threads and processes."""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from threading import Lock

import numpy as np

from tlearn.errors import HostError, quoted
from tlearn.storage.regular_file import kind_of


class FileInPlace:
    """A file that stays open, made if it is missing; links are not followed.

    Args:
        path: The file; its folder exists.

    Raises:
        HostError: It is a pipe or the like.
        OSError: It cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._file = os.fdopen(os.open(path, flags, 0o600), "r+b", buffering=0)
        self._lock = Lock()
        weakref.finalize(self, self._file.close)
        if kind := kind_of(os.fstat(self._file.fileno()).st_mode):
            message = f"{quoted(path)} is {kind}, not a file"
            raise HostError(message, "remove what is cached: tlearn cache clear")

    def size(self) -> int:
        """Return the number of bytes in it now."""
        return os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, n_bytes: int) -> bytes:
        """Return bytes, fewer where the file ends before."""
        with self._lock:
            self._file.seek(offset)
            return self._file.read(n_bytes)

    def read_into(self, offset: int, row: np.ndarray) -> bool:
        """Fill an array, and return whether the file reaches so far."""
        with self._lock:
            self._file.seek(offset)
            return self._file.readinto(row.reshape(-1).view(np.uint8).data) == row.nbytes

    def write_end(self, offset: int, content: bytes, sync: bool) -> None:
        """Write what the file ends with, in place of what it had from `offset` on.

        Args:
            offset: Where to write.
            content: What to write.
            sync: Wait until it is on the disk.
        """
        with self._lock:
            self._file.seek(offset)
            left = memoryview(content)
            while left:  # the system may take less than all of it
                left = left[self._file.write(left) :]
            self._file.truncate()
        if sync:
            os.fsync(self._file.fileno())
