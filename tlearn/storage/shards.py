"""Rows that other machines have computed: files that are whole or missing, and are never changed.

A shard is the rows, end to end, then for each its 32-byte key and a CRC-32 of key and row, then a
mark, which says what it was computed of. Shards are read where they are, on any file system: they
need no locks, and nothing is merged but the beginnings of their keys.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path

import numpy as np

from tlearn.errors import HostError, quoted
from tlearn.storage.atomic import write_atomic
from tlearn.storage.key_log import KEY_BYTES, RECORD_BYTES
from tlearn.storage.row_table import RowTable, checksum_of
from tlearn.storage.sorted_keys import MARK_BYTES, SortedKeys, starts_of

SHARD_MARK_BYTES = 32
SUFFIX = ".rows"
_BLOCK = 256
_ABANDONED_SECONDS = 3600
STORE_HINT = "name another folder: --store DIR"

Batch = tuple[Sequence[str], np.ndarray]
"""Keys, and their rows (len(keys), *row_shape)."""


def write_shard(path: Path, mark: bytes, batches: Iterable[Batch]) -> int:
    """Write a shard, so that it appears whole or not at all; one wait for the disk.

    Args:
        path: The file, with the suffix `SUFFIX`.
        mark: What it is computed of, `SHARD_MARK_BYTES` bytes.
        batches: The rows in the order in which they are stored.

    Returns:
        Number of rows.

    Raises:
        HostError: No space, or no permission.
    """
    _remove_leftovers(path)
    records = bytearray()

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            for keys, rows in batches:
                file.write(np.ascontiguousarray(rows).data)
                for key, row in zip(keys, rows, strict=True):
                    records.extend(bytes.fromhex(key) + checksum_of(key, row).to_bytes(4, "big"))
            file.write(records)
            file.write(mark)

    write_atomic(path, write, STORE_HINT)
    return len(records) // RECORD_BYTES


def _remove_leftovers(path: Path) -> None:
    """Remove what a process that was killed has left of a shard; one that runs writes on."""
    for left in path.parent.glob(f".????????-{path.name}"):
        with suppress(OSError):  # another process removes it, too
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                left.unlink()


def shard_mark(path: Path) -> bytes | None:
    """Return the mark that a shard was written with; None where there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(-SHARD_MARK_BYTES, os.SEEK_END)
            return file.read()
    except OSError:
        return None


class ShardFile:
    """One file of rows.

    Args:
        path: The file.
        row_shape: Shape of one row.
        dtype: NumPy dtype of a row.
    """

    def __init__(self, path: Path, row_shape: Sequence[int], dtype: np.dtype) -> None:
        self.path = path
        self._shape, self._dtype = tuple(row_shape), dtype
        self._row_bytes = int(np.prod(self._shape)) * dtype.itemsize
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) - SHARD_MARK_BYTES
            if size < 0 or size % (self._row_bytes + RECORD_BYTES):
                raise self.damaged()
            file.seek(size)
            self.mark = file.read()
        self._n = size // (self._row_bytes + RECORD_BYTES)

    def __len__(self) -> int:
        return self._n

    def records(self) -> np.ndarray:
        """Return key and checksum of each row, uint8 (n, `RECORD_BYTES`)."""
        return self._map(np.dtype(np.uint8), self._n * self._row_bytes, (RECORD_BYTES,))

    def read(self, numbers: np.ndarray) -> Iterator[np.ndarray]:
        """Yield rows in blocks, checked.

        Args:
            numbers: (m,) rows, in ascending order.

        Raises:
            HostError: One is not as it was written.
        """
        rows, records = self._map(self._dtype, 0, self._shape), self.records()
        for start in range(0, len(numbers), _BLOCK):
            chosen = numbers[start : start + _BLOCK]
            block = rows[chosen]
            for row, record in zip(block, records[chosen], strict=True):
                key, checksum = record[:KEY_BYTES].tobytes().hex(), record[KEY_BYTES:].tobytes()
                if checksum_of(key, row) != int.from_bytes(checksum, "big"):
                    raise self.damaged()
            yield block

    def damaged(self) -> HostError:
        """Return what to say of a file that is not as it was written."""
        shard = self.path.stem.replace("-of-", "/")
        again = f"tlearn features FOLDER --shard {shard} --store DIR"
        hint = f"remove it, and compute it again with the same backbone: {again}"
        return HostError(f"{quoted(self.path)} is damaged", hint)

    def _map(self, dtype: np.dtype, offset: int, shape: tuple[int, ...]) -> np.ndarray:
        if not self._n:
            return np.empty((0, *shape), dtype)
        return np.asarray(np.memmap(self.path, dtype, "r", offset, (self._n, *shape)))


class ShardedTable(RowTable):
    """A table some of whose rows are in shards; those that are not are added to its own files.

    Args:
        folder: Its own files, and the beginnings of the shards' keys in ascending order.
        row_shape: Shape of one row.
        dtype: NumPy dtype of a row.
        shards: Folder of the shards, which is only read.
    """

    def __init__(self, folder: Path, row_shape: Sequence[int], dtype: str, shards: Path) -> None:
        super().__init__(folder, row_shape, dtype)
        files = sorted(shards.glob(f"[!.]*{SUFFIX}"))
        self._shards = [ShardFile(path, self.row_shape, self.dtype) for path in files]
        self._ends = np.cumsum([len(shard) for shard in self._shards], dtype=np.int64)

    def missing(self, keys: Iterable[str]) -> list[str]:
        """Return the keys that have no row here nor in a shard; see `RowTable`."""
        wanted = [*dict.fromkeys(keys)]
        found = self._find(wanted)
        return super().missing(wanted[n] for n in np.flatnonzero(found < 0).tolist())

    def read(
        self,
        keys: Sequence[str],
        columns: slice = slice(None),
        into: np.ndarray | None = None,
    ) -> np.ndarray:
        """Read rows from the shards and from this table; see `RowTable`."""
        found = self._find(keys)
        own = np.flatnonzero(found < 0)
        if len(own) == len(keys):
            return super().read(keys, columns, into)
        if into is None:
            width = len(range(*columns.indices(self.row_shape[0])))
            into = np.empty((len(keys), width, *self.row_shape[1:]), self.dtype)
        into[own] = super().read([keys[n] for n in own.tolist()], columns)
        for shard, wanted, numbers in self._by_shard(found):
            start = 0
            for block in shard.read(numbers):
                into[wanted[start : start + len(block)]] = block[:, columns]
                start += len(block)
        return into

    @cached_property
    def _keys_of_shards(self) -> SortedKeys:
        """Return the keys of all shards, from the file of an earlier process if there is one."""
        path = self.folder / "shards.bin"
        facts = "".join(f"{s.path.name} {len(s)} {s.mark.hex()}\n" for s in self._shards)
        mark = hashlib.sha256(facts.encode()).digest().ljust(MARK_BYTES, b"\0")
        keys = SortedKeys.open(path)
        if keys.mark != mark:
            starts = [starts_of(shard.records().tobytes(), RECORD_BYTES) for shard in self._shards]
            SortedKeys.sort(mark, np.concatenate(starts)).write(path)
            keys = SortedKeys.open(path)
        return keys

    def _find(self, keys: Sequence[str]) -> np.ndarray:
        """Return where keys are among the rows of all shards, int64 (len(keys),); -1 for nowhere.

        Of keys that begin alike only one is found; that of another image is computed again.
        """
        found = np.full(len(keys), -1, np.int64)
        if not len(keys) or not self._shards:
            return found
        wanted = np.frombuffer(bytes.fromhex("".join(keys)), np.uint8).reshape(-1, KEY_BYTES)
        known, starts = self._keys_of_shards, starts_of(wanted.tobytes(), KEY_BYTES)
        places = np.searchsorted(known.starts, starts)
        places[places == len(known)] = 0
        alike = known.starts[places] == starts if len(known) else np.zeros(len(keys), bool)
        found[alike] = known.rows[places[alike]]
        for shard, rows, numbers in self._by_shard(found):
            same = (shard.records()[numbers, :KEY_BYTES] == wanted[rows]).all(axis=1)
            found[rows[~same]] = -1
        return found

    def _by_shard(self, found: np.ndarray) -> Iterator[tuple[ShardFile, np.ndarray, np.ndarray]]:
        """Yield each shard with positions in `found` of what is in it, and rows, in their order."""
        order = np.argsort(found, kind="stable")
        order = order[np.searchsorted(found[order], 0) :]
        ends = np.searchsorted(found[order], self._ends)
        for shard, end, part in zip(
            self._shards, self._ends, np.split(order, ends[:-1]), strict=True
        ):
            if len(part):
                yield shard, part, found[part] - (end - len(shard))
