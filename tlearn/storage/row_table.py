"""A table of equal rows on disk, found by key: append-only, memory-mapped, safe to interrupt.

`rows.bin` holds the rows end to end, `keys.bin` one 32-byte key for each. A batch is written as
rows first and keys second, so a process stopped anywhere leaves at most rows without keys, which
the next writer overwrites; a key never points at a row that is not whole.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors

KEY_BYTES = 32
_BLOCK = 512


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
        with os_errors_as_host_errors(folder, CACHE_HINT):
            folder.mkdir(parents=True, exist_ok=True)
            for path in (self._rows_path, self._keys_path):
                path.touch()
            os.utime(folder)
        self._positions: dict[str, int] = {}
        self._refresh()

    @property
    def _rows_path(self) -> Path:
        return self.folder / "rows.bin"

    @property
    def _keys_path(self) -> Path:
        return self.folder / "keys.bin"

    def __contains__(self, key: str) -> bool:
        return key in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that have no row, each once, in their order."""
        return [key for key in dict.fromkeys(keys) if key not in self._positions]

    def read(self, keys: Sequence[str], columns: slice = slice(None)) -> np.ndarray:
        """Read rows from disk.

        Args:
            keys: The rows' keys.
            columns: The slice of each row's first axis to read.

        Returns:
            (len(keys), *row_shape) rows in the order of `keys`, with the first axis of each cut to
            `columns`.

        Raises:
            KeyError: A key has no row.
        """
        positions = [self._positions[key] for key in keys]
        row_shape = np.empty(self.row_shape, self.dtype)[columns].shape
        rows = np.empty((len(keys), *row_shape), self.dtype)
        for start in range(0, len(keys), _BLOCK):
            block = slice(start, start + _BLOCK)
            # A new mapping for each block: touched pages count as memory until it is closed.
            rows[block] = self._mapped(max(positions[block]) + 1)[positions[block], columns]
        return rows

    def _mapped(self, count: int) -> np.ndarray:
        return np.memmap(self._rows_path, self.dtype, mode="r", shape=(count, *self.row_shape))

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
        with os_errors_as_host_errors(self.folder, CACHE_HINT), FileLock(self.folder / "lock"):
            self._refresh()
            new = {key: n for n, key in enumerate(keys) if key not in self._positions}
            if not new:
                return
            block = np.ascontiguousarray(rows[list(new.values())], self.dtype)
            start = len(self._positions)
            _write_at(self._rows_path, start * self.row_bytes, block.tobytes())
            digests = b"".join(bytes.fromhex(key) for key in new)
            _write_at(self._keys_path, start * KEY_BYTES, digests)
            self._positions.update((key, start + n) for n, key in enumerate(new))

    def _refresh(self) -> None:
        """Find the rows that another process has added; rows cut short at the end are ignored."""
        known = len(self._positions)
        with self._keys_path.open("rb") as file:
            file.seek(known * KEY_BYTES)
            added = file.read()
        whole = min(
            len(added) // KEY_BYTES, self._rows_path.stat().st_size // self.row_bytes - known
        )
        for number in range(whole):
            key = added[number * KEY_BYTES : (number + 1) * KEY_BYTES].hex()
            self._positions[key] = known + number


def _write_at(path: Path, offset: int, content: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
