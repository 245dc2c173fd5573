"""Keys in ascending order in a memory-mapped file: not read but looked up, and shared by processes.

A file has a mark, which says what was sorted, then the first eight bytes of n keys in ascending
order, then the row of each. Two keys may begin alike: whoever finds a row compares the whole key,
so that a damaged file costs time and gives no wrong row.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from tlearn.storage.atomic import CACHE_HINT, write_atomic

MARK_BYTES = 40
_START_BYTES = 8
_WORD = "<u8"


class SortedKeys:
    """The rows of keys, by how the keys begin.

    Args:
        mark: What was sorted, `MARK_BYTES` bytes.
        starts: uint64 (n,), `starts_of` keys in ascending order.
        rows: uint64 (n,), the row of each; of equal keys in ascending order.
    """

    def __init__(self, mark: bytes, starts: np.ndarray, rows: np.ndarray) -> None:
        self.mark = mark
        self.starts = starts
        self.rows = rows

    def __len__(self) -> int:
        return len(self.starts)

    @classmethod
    def sort(cls, mark: bytes, starts: np.ndarray) -> SortedKeys:
        """Sort keys, of which the n-th is that of row n."""
        order = np.argsort(starts, kind="stable")
        return cls(mark, starts[order], order.astype(_WORD))

    @classmethod
    def open(cls, path: Path) -> SortedKeys:
        """Open a file; one that is missing, or is none, has no keys."""
        with suppress(OSError, ValueError):
            if path.is_file() and not path.is_symlink():
                with path.open("rb") as file:
                    mark = file.read(MARK_BYTES)
                words = np.asarray(np.memmap(path, _WORD, "r", MARK_BYTES))
                return cls(mark, *np.split(words, 2))
        return cls.sort(b"", np.zeros(0, _WORD))

    def write(self, path: Path) -> None:
        """Write them to a file.

        Raises:
            HostError: No space, or no permission.
        """

        def write(temporary: Path) -> None:
            with temporary.open("wb") as file:
                file.write(self.mark)
                self.starts.astype(_WORD, copy=False).tofile(file)
                self.rows.astype(_WORD, copy=False).tofile(file)

        write_atomic(path, write, CACHE_HINT)

    def find(self, key: bytes) -> Iterator[int]:
        """Yield the rows of the keys that begin like this one, the last first."""
        start = np.uint64(int.from_bytes(key[:_START_BYTES], "big"))
        place = int(self.starts.searchsorted(start, "right"))
        while place and self.starts[place - 1] == start:
            place -= 1
            yield int(self.rows[place])


def starts_of(records: bytes, record_bytes: int) -> np.ndarray:
    """Return the beginnings of the keys, uint64 (n,), that n records begin with."""
    table = np.frombuffer(records, np.uint8).reshape(-1, record_bytes)
    starts = np.ascontiguousarray(table[:, :_START_BYTES])
    return starts.view(">u8").ravel().astype(_WORD)
