"""A table of equal rows on disk, found by key: append-only, checked, safe to share and interrupt.

`values.bin` holds the rows end to end, `index.bin` a record for each: a 32-byte key and a checksum
of key and row. A batch is written as rows first and records second, so a process stopped anywhere
leaves at most rows without a record, which the next writer overwrites. A row that does not match
its checksum counts as missing, and is computed and appended again; the last record of a key holds.

Both files stay open: should the folder be removed and made anew by others, this table goes on with
the files that it began with.
"""

from __future__ import annotations

import os
import weakref
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np

from tlearn.errors import HostError, quoted
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.lease import Lease, folder_lock
from tlearn.storage.regular_file import kind_of

KEY_BYTES = 32
RECORD_BYTES = KEY_BYTES + 4


class RowTable:
    """Rows of one shape and dtype, keyed by SHA-256 digests.

    Args:
        folder: Where the table is; created if missing.
        row_shape: Shape of one row.
        dtype: NumPy dtype of a row.

    Raises:
        HostError: The folder cannot be written.
    """

    def __init__(self, folder: Path, row_shape: Sequence[int], dtype: str) -> None:
        self.folder = folder
        self.row_shape = tuple(row_shape)
        self.dtype = np.dtype(dtype)
        self.row_bytes = int(np.prod(self.row_shape)) * self.dtype.itemsize
        self._lease = Lease(folder)
        with os_errors_as_host_errors(folder, CACHE_HINT):
            self._values = self._open("values.bin")
            self._index = self._open("index.bin")
        self._reading = Lock()
        self._positions: dict[str, int] = {}
        self._checksums: list[int] = []
        self._checked: set[int] = set()
        self._refresh()

    def __contains__(self, key: str) -> bool:
        return self._is_whole(key)

    def __len__(self) -> int:
        return len(self._positions)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that have no row, or a damaged one, each once, in their order."""
        return [key for key in dict.fromkeys(keys) if key not in self]

    def read(
        self,
        keys: Sequence[str],
        columns: slice = slice(None),
        into: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read rows from disk.

        Args:
            keys: The rows' keys.
            columns: The slice of each row's first axis to read.
            into: An array for the rows, each of which is contiguous; by default a new one.

        Returns:
            (len(keys), *row_shape) rows in the order of `keys`, with the first axis of each cut to
            `columns`.

        Raises:
            KeyError: A key has no row.
            HostError: A row was damaged after it had been found.
        """
        first, last, _ = columns.indices(self.row_shape[0])
        shape = len(keys), last - first, *self.row_shape[1:]
        rows = np.empty(shape, self.dtype) if into is None else into
        skipped = first * self.row_bytes // self.row_shape[0]
        for row, key in zip(rows, keys, strict=True):
            position = self._positions[key]
            whole = self._is_whole(key)
            if not whole or not self._read_into(row, position * self.row_bytes + skipped):
                raise HostError(
                    f"the cache {quoted(self.folder)} was damaged while it was in use",
                    "run the same command again: it computes what is damaged anew, or does "
                    "without the cache: --no-cache",
                )
        return rows

    def append(self, keys: Sequence[str], rows: np.ndarray) -> None:
        """Add rows; those whose keys are present already are left as they are.

        Args:
            keys: (n,) SHA-256 digests in hexadecimal.
            rows: (n, *row_shape).

        Raises:
            HostError: No space, or no permission.
        """
        if rows.shape != (len(keys), *self.row_shape):
            raise ValueError(f"expected {len(keys)} rows of {self.row_shape}, got {rows.shape}")
        with os_errors_as_host_errors(self.folder, CACHE_HINT), folder_lock(self.folder):
            self._refresh()
            new = {key: n for n, key in enumerate(keys) if key not in self._positions}
            if not new:
                return
            block = np.ascontiguousarray(rows[list(new.values())], self.dtype)
            start = len(self._checksums)
            checksums = [_checksum(key, row) for key, row in zip(new, block, strict=True)]
            self._write(self._values, start * self.row_bytes, block.tobytes())
            records = (
                bytes.fromhex(key) + checksum.to_bytes(4, "big")
                for key, checksum in zip(new, checksums, strict=True)
            )
            self._write(self._index, start * RECORD_BYTES, b"".join(records))
            self._checked.update(range(start, start + len(new)))
            self._checksums += checksums
            self._positions.update((key, start + n) for n, key in enumerate(new))

    def _open(self, name: str) -> BinaryIO:
        """Open a file for reading and writing in place, made if missing, never through a link."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        file = os.fdopen(os.open(self.folder / name, flags, 0o600), "r+b", buffering=0)
        weakref.finalize(self, file.close)
        if kind := kind_of(os.fstat(file.fileno()).st_mode):
            message = f"{quoted(self.folder / name)} is {kind}, not a file"
            raise HostError(message, "remove what is cached: tlearn cache clear")
        return file

    def _is_whole(self, key: str) -> bool:
        """Return whether there is a row that matches its checksum; a damaged one is forgotten."""
        position = self._positions.get(key)
        if position is None:
            return False
        if position not in self._checked:
            row = np.empty(self.row_shape, self.dtype)
            whole = self._read_into(row, position * self.row_bytes)
            if not whole or _checksum(key, row) != self._checksums[position]:
                self._positions.pop(key, None)  # another thread may have been faster
                return False
            self._checked.add(position)
        return True

    def _read_into(self, row: np.ndarray, offset: int) -> bool:
        """Fill an array from the values; return whether the file reaches so far."""
        with self._reading:
            self._values.seek(offset)
            return self._values.readinto(row.reshape(-1).view(np.uint8)) == row.nbytes  # type: ignore[attr-defined]

    def _write(self, file: BinaryIO, offset: int, content: bytes) -> None:
        with self._reading:
            file.seek(offset)
            left = memoryview(content)
            while left:  # the system may take less than all of it
                left = left[file.write(left) :]
            file.truncate()
        os.fsync(file.fileno())

    def _refresh(self) -> None:
        """Find the rows that another process has added; rows cut short at the end are ignored."""
        known = len(self._checksums)
        with self._reading:
            self._index.seek(known * RECORD_BYTES)
            added = self._index.read()
            whole = self._values.seek(0, os.SEEK_END) // self.row_bytes - known
        for number in range(min(len(added) // RECORD_BYTES, whole)):
            record = added[number * RECORD_BYTES : (number + 1) * RECORD_BYTES]
            self._positions[record[:KEY_BYTES].hex()] = known + number
            self._checksums.append(int.from_bytes(record[KEY_BYTES:], "big"))


def _checksum(key: str, row: np.ndarray) -> int:
    """Return the CRC-32 of key and row: a row at another's place does not match either."""
    return zlib.crc32(row.reshape(-1).view(np.uint8).data, zlib.crc32(bytes.fromhex(key)))
