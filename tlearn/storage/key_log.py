"""The keys of a table's rows: a log that only grows, and a sorted file of most of it.

`index.bin` is the log: for each row a 32-byte key and a checksum, in the order of the rows. A
process holds the last records of it in memory. Once these are many, all are sorted into
`sorted.bin`, which can be made again from the log, and is where it is missing or of another log.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from tlearn.errors import HostError
from tlearn.storage.file_in_place import FileInPlace
from tlearn.storage.sorted_keys import MARK_BYTES, SortedKeys, starts_of

KEY_BYTES = 32
RECORD_BYTES = KEY_BYTES + 4

_BLOCK = 1 << 20
_LEAST_SORTED = 1 << 16
"""Records that a process holds in memory, 10 MB, before they are sorted."""

_UNSORTED_SHARE = 16
"""Of many records, one in this many is held in memory: sorted anew no more often than that, the
keys cost a table of any size the same for each row."""


class KeyLog:
    """The keys of rows 0, 1, 2, ... and a checksum for each.

    Args:
        folder: Where the table is.
    """

    def __init__(self, folder: Path) -> None:
        self._log = FileInPlace(folder / "index.bin")
        self._path = folder / "sorted.bin"
        self._sorted = SortedKeys.sort(b"", np.zeros(0, np.uint64))
        self._recent: dict[bytes, int] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def refresh(self, n_rows: int) -> None:
        """Take over what other processes have added.

        Args:
            n_rows: Rows there are; what the log has of more was cut short, and is ignored.
        """
        end = min(self._log.size() // RECORD_BYTES, n_rows)
        if _too_many(end, len(self._sorted)):
            self._sort(end)
        added = self._records(self._count, end)
        for place in range(0, len(added), RECORD_BYTES):
            self._recent[added[place : place + KEY_BYTES]] = self._count
            self._count += 1

    def append(self, keys: Sequence[bytes], checksums: Sequence[int], sync: bool) -> None:
        """Add the keys of the next rows; `sync` waits until they are on the disk."""
        records = (key + n.to_bytes(4, "big") for key, n in zip(keys, checksums, strict=True))
        self._log.write_end(self._count * RECORD_BYTES, b"".join(records), sync)
        for key in keys:
            self._recent[key] = self._count
            self._count += 1

    def find(self, key: bytes) -> int | None:
        """Return the last row of a key; None if it has none."""
        row = self._recent.get(key)
        if row is None:
            rows = self._sorted.find(key)
            row = next((row for row in rows if self._record(row)[:KEY_BYTES] == key), None)
        return row

    def checksum(self, row: int) -> int:
        """Return the checksum that a row was written with."""
        return int.from_bytes(self._record(row)[KEY_BYTES:], "big")

    def _record(self, row: int) -> bytes:
        return self._records(row, row + 1)

    def _records(self, start: int, end: int) -> bytes:
        return self._log.read(start * RECORD_BYTES, (end - start) * RECORD_BYTES)

    def _sort(self, end: int) -> None:
        """Open the sorted file, and sort anew where it lacks too many of the first `end` rows."""
        keys = SortedKeys.open(self._path)
        n = len(keys)
        if n > end or keys.mark != self._mark(n) or _too_many(end, n):
            blocks = (self._records(row, min(row + _BLOCK, end)) for row in range(0, end, _BLOCK))
            starts = np.concatenate([starts_of(block, RECORD_BYTES) for block in blocks])
            keys = SortedKeys.sort(self._mark(end), starts)
            with suppress(HostError):  # the next process sorts them again
                keys.write(self._path)
                written = SortedKeys.open(self._path)  # in memory that processes share
                keys = written if written.mark == keys.mark else keys
        # Other threads find a key in the one or in the other.
        self._sorted, self._recent, self._count = keys, {}, len(keys)

    def _mark(self, n_rows: int) -> bytes:
        """Return the last of the first records, by which a sorted file is known to be of them."""
        return self._record(n_rows - 1).ljust(MARK_BYTES, b"\0") if n_rows else b""


def _too_many(n_rows: int, n_sorted: int) -> bool:
    """Return whether more rows are not sorted than a process should hold in memory."""
    return n_rows - n_sorted > max(_LEAST_SORTED, n_sorted // _UNSORTED_SHARE)
