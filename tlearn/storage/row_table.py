"""A table of equal rows on disk, found by key: append-only, checked, safe to share and interrupt.

`values.bin` holds the rows end to end, and a `KeyLog` the key of each and a checksum of key and
row. A batch is written as rows first and keys second, so a process stopped anywhere leaves at most
rows without a key, which the next writer overwrites. A row that does not match its checksum counts
as missing, and is computed and appended again; the last row of a key holds. So nothing need wait
for the disk but now and then: what a power cut takes is noticed, and computed again.

Files stay open: should the folder be removed and made anew by others, this table goes on with the
files that it began with.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from tlearn.errors import HostError, quoted
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.file_in_place import FileInPlace
from tlearn.storage.key_log import KeyLog
from tlearn.storage.lease import Lease, folder_lock

_SYNC_SECONDS = 5.0
"""Between two waits for the disk: the most work that a power cut takes."""

_UNCHECKED, _WHOLE, _DAMAGED = range(3)


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
            self._values = FileInPlace(folder / "values.bin")
            self._keys = KeyLog(folder)
        self._states = bytearray()
        self._synced = -_SYNC_SECONDS
        self._refresh()

    def __reduce__(self) -> tuple[type[RowTable], tuple[Path, Sequence[int], str]]:
        """Open the same folder anew where the table is unpickled."""
        return RowTable, (self.folder.absolute(), self.row_shape, self.dtype.name)

    def __contains__(self, key: str) -> bool:
        number = self._row(key)
        return number is not None and self._is_whole(key, number)

    def __len__(self) -> int:
        return len(self._keys)

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
            number = self._row(key)
            if number is None:
                raise KeyError(key)
            offset = number * self.row_bytes + skipped
            if not (self._is_whole(key, number) and self._values.read_into(offset, row)):
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
            new = {key: n for n, key in enumerate(keys) if self._row(key) is None}
            if not new:
                return
            block = np.ascontiguousarray(rows[list(new.values())], self.dtype)
            checksums = [checksum_of(key, row) for key, row in zip(new, block, strict=True)]
            start = len(self._keys)
            sync = time.monotonic() - self._synced >= _SYNC_SECONDS
            self._values.write_end(start * self.row_bytes, block.tobytes(), sync)
            self._states[start:] = bytes([_WHOLE]) * len(new)  # before other threads find them
            self._keys.append([*map(bytes.fromhex, new)], checksums, sync)
            self._synced = time.monotonic() if sync else self._synced

    def _row(self, key: str) -> int | None:
        """Return the row of a key; None if it has none, or it was found to be damaged."""
        row = self._keys.find(bytes.fromhex(key))
        return None if row is None or self._states[row] == _DAMAGED else row

    def _is_whole(self, key: str, number: int) -> bool:
        """Return whether a row matches its checksum; a damaged one is forgotten."""
        if self._states[number] == _UNCHECKED:
            row = np.empty(self.row_shape, self.dtype)
            read = self._values.read_into(number * self.row_bytes, row)
            whole = read and checksum_of(key, row) == self._keys.checksum(number)
            self._states[number] = _WHOLE if whole else _DAMAGED
        return self._states[number] == _WHOLE

    def _refresh(self) -> None:
        """Find the rows that another process has added."""
        n_rows = self._values.size() // self.row_bytes
        del self._states[len(self._keys) :]
        self._states.extend(bytes(max(0, n_rows - len(self._keys))))  # before other threads look
        self._keys.refresh(n_rows)


def checksum_of(key: str, row: np.ndarray) -> int:
    """Return the CRC-32 of key and row: a row at another's place does not match either."""
    return zlib.crc32(row.reshape(-1).view(np.uint8).data, zlib.crc32(bytes.fromhex(key)))
