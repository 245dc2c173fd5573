"""Shards: whole or missing, found by key, read where they are."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import HostError
from tlearn.storage.row_table import RowTable
from tlearn.storage.shards import SHARD_MARK_BYTES, ShardedTable, shard_mark, write_shard

MARK = b"m" * SHARD_MARK_BYTES


def key(number: int) -> str:
    return hashlib.sha256(bytes([number])).hexdigest()


def rows(*numbers: int) -> np.ndarray:
    return np.array([[n, n + 0.5, -n] for n in numbers], np.float32)


def write(folder: Path, name: str, *numbers: int) -> Path:
    path = folder / f"{name}.rows"
    batches = [([key(n) for n in part], rows(*part)) for part in (numbers[:2], numbers[2:])]
    assert write_shard(path, MARK, batches) == len(numbers)
    return path


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    folder = tmp_path / "shards"
    write(folder, "1-of-3", 1, 5, 9, 7)
    write(folder, "2-of-3")
    write(folder, "3-of-3", 2, 6)
    return folder


def table(tmp_path: Path, shards: Path) -> ShardedTable:
    return ShardedTable(tmp_path / "table", (3,), "float32", shards)


def test_rows_are_found_in_every_shard_and_in_the_table_itself(
    tmp_path: Path, shards: Path
) -> None:
    wanted = [key(n) for n in (6, 3, 9, 1, 3, 6)]
    first = table(tmp_path, shards)
    assert first.missing(wanted) == [key(3)]
    first.append([key(3)], rows(3))
    for one in (first, table(tmp_path, shards)):
        assert one.missing(wanted) == []
        np.testing.assert_array_equal(one.read(wanted), rows(6, 3, 9, 1, 3, 6))
        np.testing.assert_array_equal(one.read(wanted, slice(1, 2)), rows(6, 3, 9, 1, 3, 6)[:, 1:2])
    beside = np.zeros((6, 5), np.float32)
    first.read(wanted, slice(1, 3), beside[:, 2:4])
    np.testing.assert_array_equal(beside[:, 2:4], rows(6, 3, 9, 1, 3, 6)[:, 1:])
    assert not beside[:, 4].any()
    assert len(RowTable(tmp_path / "table", (3,), "float32")) == 1


def test_shards_that_come_later_are_seen_by_the_next_process(tmp_path: Path, shards: Path) -> None:
    table(tmp_path, shards).missing([key(1)])
    write(shards, "8-of-9", 3, 1)
    later = table(tmp_path, shards)
    assert later.missing([key(n) for n in (3, 4, 1)]) == [key(4)]
    np.testing.assert_array_equal(later.read([key(3), key(1)]), rows(3, 1))


def test_without_shards_it_is_a_table(tmp_path: Path) -> None:
    one = table(tmp_path, tmp_path / "none")
    one.append([key(1)], rows(1))
    assert one.missing([key(1), key(2)]) == [key(2)] and one.missing([]) == []
    np.testing.assert_array_equal(one.read([key(1)]), rows(1))


@pytest.mark.parametrize("place", [3, 60])
def test_a_damaged_row_is_not_read(tmp_path: Path, shards: Path, place: int) -> None:
    path = shards / "1-of-3.rows"
    content = bytearray(path.read_bytes())
    content[place] ^= 1  # of a row, and of a key
    path.write_bytes(content)
    one = table(tmp_path, shards)
    numbers = (1, 5, 9, 7)
    missing = one.missing([key(n) for n in numbers])
    if not missing:
        with pytest.raises(HostError, match="damaged") as error:
            one.read([key(n) for n in numbers])
        assert error.value.hint.endswith("--shard 1/3 --store DIR")


def test_a_shard_cut_short_is_refused(tmp_path: Path, shards: Path) -> None:
    path = shards / "3-of-3.rows"
    path.write_bytes(path.read_bytes()[:-7])
    assert shard_mark(path) != MARK
    with pytest.raises(HostError, match="damaged"):
        table(tmp_path, shards)


def test_a_writer_that_fails_leaves_the_shard_as_it_was(tmp_path: Path) -> None:
    path = write(tmp_path, "1-of-1", 1, 2, 3)
    before = path.read_bytes()
    left = path.with_name(f".deadbeef-{path.name}")  # of a process that was killed
    left.touch()
    os.utime(left, (1, 1))
    running = path.with_name(f".cafecafe-{path.name}")
    running.touch()

    def batches() -> object:
        yield [key(4)], rows(4)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_shard(path, MARK, batches())  # type: ignore[arg-type]
    assert path.read_bytes() == before and {*tmp_path.iterdir()} == {path, running}
    assert shard_mark(path) == MARK and shard_mark(tmp_path / "none") is None
