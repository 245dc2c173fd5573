"""Many keys: most are sorted in a file, and the log is what holds."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from tlearn.storage import key_log
from tlearn.storage.row_table import RowTable

N = 100


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_log, "_LEAST_SORTED", 10)


def keys(n: int = N) -> list[str]:
    return [hashlib.sha256(bytes([number])).hexdigest() for number in range(n)]


def filled(folder: Path, first: int = 0) -> RowTable:
    table = RowTable(folder, (2,), "float32")
    for start in range(first, N, 7):
        rows = np.arange(start, min(start + 7, N))
        table.append(keys()[start : start + 7], np.repeat(rows[:, None], 2, axis=1))
    return table


def assert_whole(table: RowTable) -> None:
    assert table.missing([*keys(), "ff" * 32]) == ["ff" * 32]
    assert table.read(keys()[::-1])[:, 0].tolist() == [*range(N)][::-1]


def test_a_table_of_many_keys_is_the_same_before_and_after_reopening(tmp_path: Path) -> None:
    assert_whole(filled(tmp_path))
    assert (tmp_path / "sorted.bin").stat().st_size > 16 * N * 3 // 4
    assert_whole(RowTable(tmp_path, (2,), "float32"))
    assert (tmp_path / "index.bin").stat().st_size == N * key_log.RECORD_BYTES


def test_a_table_from_before_there_was_a_sorted_file_is_read(tmp_path: Path) -> None:
    filled(tmp_path)
    (tmp_path / "sorted.bin").unlink()
    assert_whole(RowTable(tmp_path, (2,), "float32"))
    assert (tmp_path / "sorted.bin").exists()


@pytest.mark.parametrize("damage", ["zeros", "cut", "other", "longer", "folder"])
def test_a_sorted_file_that_is_not_of_the_log_is_made_again(tmp_path: Path, damage: str) -> None:
    filled(tmp_path / "table")
    path = tmp_path / "table" / "sorted.bin"
    content = path.read_bytes()
    if damage == "zeros":
        path.write_bytes(bytes(len(content)))
    elif damage == "cut":
        path.write_bytes(content[:-16])
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        other = RowTable(tmp_path / "other", (1,), "uint8")
        more = [hashlib.sha256(str(n).encode()).hexdigest() for n in range(200)]
        n = 60 if damage == "other" else 200
        other.append(more[:n], np.zeros((n, 1)))
        RowTable(tmp_path / "other", (1,), "uint8")
        path.write_bytes((tmp_path / "other" / "sorted.bin").read_bytes())
    assert_whole(RowTable(tmp_path / "table", (2,), "float32"))


def test_rows_that_are_lost_below_the_sorted_ones_are_missing(tmp_path: Path) -> None:
    filled(tmp_path)
    for name, n_bytes in (("values.bin", 8), ("index.bin", key_log.RECORD_BYTES)):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: 5 * n_bytes])
    table = RowTable(tmp_path, (2,), "float32")
    assert table.missing(keys()) == keys()[5:]
    assert_whole(filled(tmp_path, first=5))


def test_a_row_that_was_damaged_and_appended_again_holds(tmp_path: Path) -> None:
    filled(tmp_path)
    content = bytearray((tmp_path / "values.bin").read_bytes())
    content[8 * 20] ^= 1
    (tmp_path / "values.bin").write_bytes(content)
    table = RowTable(tmp_path, (2,), "float32")
    assert table.missing(keys()) == [keys()[20]]
    table.append([keys()[20]], np.full((1, 2), 20))
    assert_whole(table)
    (tmp_path / "sorted.bin").unlink()
    assert_whole(RowTable(tmp_path, (2,), "float32"))


def test_two_writers_see_each_other_among_many_keys(tmp_path: Path) -> None:
    first, second = (RowTable(tmp_path, (2,), "float32") for _ in range(2))
    for start in range(0, N, 5):
        writer = (first, second)[start // 5 % 2]
        rows = np.arange(start, start + 5)[:, None]
        writer.append(keys()[start : start + 5], np.repeat(rows, 2, axis=1))
    third = RowTable(tmp_path, (2,), "float32")
    for table in (first, second):
        table.append(["ee" * 32], np.zeros((1, 2)))
    for table in (first, second, third):
        assert_whole(table)
    assert len(third) == N


def test_keys_that_begin_alike_are_told_apart(tmp_path: Path) -> None:
    alike = [f"{'ab' * 8}{n:048x}" for n in range(30)]
    RowTable(tmp_path, (1,), "uint8").append(alike, np.arange(30)[:, None])
    table = RowTable(tmp_path, (1,), "uint8")
    assert (tmp_path / "sorted.bin").exists()
    assert table.read(alike)[:, 0].tolist() == [*range(30)]
    assert table.missing(["ab" * 32]) == ["ab" * 32]
