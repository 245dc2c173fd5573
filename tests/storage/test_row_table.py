"""The table behind the feature store: whole rows or none."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import HostError
from tlearn.storage.row_table import RowTable


def keys(*names: str) -> list[str]:
    return [hashlib.sha256(name.encode()).hexdigest() for name in names]


def test_rows_come_back_in_the_order_asked_for_after_reopening(tmp_path: Path) -> None:
    RowTable(tmp_path, (2,), "float32").append(keys("a", "b"), np.array([[1, 2], [3, 4]]))
    table = RowTable(tmp_path, (2,), "float32")
    assert table.read(keys("b", "a", "b")).tolist() == [[3, 4], [1, 2], [3, 4]]
    assert table.missing(keys("c", "a", "c")) == keys("c")


def test_a_key_is_written_once(tmp_path: Path) -> None:
    table = RowTable(tmp_path, (1,), "uint8")
    table.append(keys("a"), np.array([[1]]))
    table.append(keys("a", "b"), np.array([[9], [2]]))
    assert table.read(keys("a", "b")).tolist() == [[1], [2]]
    assert (tmp_path / "values.bin").stat().st_size == 2


@pytest.mark.parametrize("torn", ["values.bin", "index.bin"])
def test_a_write_cut_short_is_forgotten_and_overwritten(tmp_path: Path, torn: str) -> None:
    table = RowTable(tmp_path, (3,), "float32")
    table.append(keys("a", "b"), np.arange(6).reshape(2, 3))
    with (tmp_path / torn).open("r+b") as file:
        file.truncate((tmp_path / torn).stat().st_size - 5)
    survivor = RowTable(tmp_path, (3,), "float32")
    assert len(survivor) == 1
    survivor.append(keys("b"), np.array([[7, 8, 9]]))
    assert RowTable(tmp_path, (3,), "float32").read(keys("a", "b")).tolist() == [
        [0, 1, 2],
        [7, 8, 9],
    ]


def test_rows_without_keys_are_overwritten(tmp_path: Path) -> None:
    table = RowTable(tmp_path, (1,), "float32")
    table.append(keys("a"), np.array([[1]]))
    with (tmp_path / "values.bin").open("ab") as file:
        file.write(b"\xff" * 40)
    table = RowTable(tmp_path, (1,), "float32")
    table.append(keys("b"), np.array([[2]]))
    assert RowTable(tmp_path, (1,), "float32").read(keys("a", "b")).tolist() == [[1], [2]]


def test_two_writers_see_each_other(tmp_path: Path) -> None:
    first, second = (RowTable(tmp_path, (1,), "float32") for _ in range(2))
    first.append(keys("a"), np.array([[1]]))
    second.append(keys("b", "a"), np.array([[2], [9]]))
    first.append(keys("c"), np.array([[3]]))
    assert first.read(keys("a", "b", "c")).tolist() == [[1], [2], [3]]


def test_a_full_disk_is_a_host_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = RowTable(tmp_path, (1,), "float32")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(HostError, match="No space left"):
        table.append(keys("a"), np.array([[1]]))
    assert len(RowTable(tmp_path, (1,), "float32")) == 0


@pytest.mark.parametrize("damage", ["zeros", "rotated", "bit", "short"])
def test_a_damaged_row_is_missing_and_can_be_appended_again(tmp_path: Path, damage: str) -> None:
    rows = np.arange(12, dtype="float32").reshape(4, 3)
    RowTable(tmp_path, (3,), "float32").append(keys("a", "b", "c", "d"), rows)
    path = tmp_path / "values.bin"
    content = path.read_bytes()
    path.write_bytes(
        {
            "zeros": bytes(len(content)),
            "rotated": content[12:] + content[:12],
            "bit": content[:-1] + bytes([content[-1] ^ 1]),
            "short": content[:-12],
        }[damage]
    )
    table = RowTable(tmp_path, (3,), "float32")
    missing = table.missing(keys("a", "b", "c", "d"))
    assert missing and (damage in ("zeros", "rotated") or missing == keys("d"))
    table.append(missing, rows[-len(missing) :])
    for reader in (table, RowTable(tmp_path, (3,), "float32")):
        assert reader.missing(keys("a", "b", "c", "d")) == []
        assert reader.read(keys("a", "b", "c", "d"), slice(1, 3)).tolist() == rows[:, 1:].tolist()


def test_a_row_that_is_damaged_while_in_use_is_not_read(tmp_path: Path) -> None:
    RowTable(tmp_path, (3,), "float32").append(keys("a"), np.ones((1, 3)))
    table = RowTable(tmp_path, (3,), "float32")
    (tmp_path / "values.bin").write_bytes(bytes(12))
    with pytest.raises(HostError, match="damaged"):
        table.read(keys("a"))


def test_a_table_that_others_removed_and_filled_anew_goes_on_with_its_own_rows(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "table"
    first = RowTable(folder, (1,), "float32")
    first.append(keys("a", "b"), np.array([[1], [2]]))
    folder.rename(tmp_path / "gone")
    second = RowTable(folder, (1,), "float32")
    second.append(keys("b", "c"), np.array([[20], [30]]))
    assert first.read(keys("a", "b")).tolist() == [[1], [2]]
    first.append(keys("c"), np.array([[3]]))
    assert first.read(keys("a", "b", "c")).tolist() == [[1], [2], [3]]
    assert second.read(keys("b", "c")).tolist() == [[20], [30]]


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_table_is_not_written_through_a_link(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.write_bytes(b"mine")
    (tmp_path / "table").mkdir()
    (tmp_path / "table" / "values.bin").symlink_to(target)
    with pytest.raises(HostError):
        RowTable(tmp_path / "table", (1,), "float32")
    assert target.read_bytes() == b"mine"


def test_batches_that_follow_each_other_wait_for_the_disk_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    monkeypatch.setattr("os.fsync", synced.append)
    monkeypatch.setattr("time.monotonic", lambda: 100.0)
    table = RowTable(tmp_path, (1,), "uint8")
    for n in range(50):
        table.append(keys(str(n)), np.array([[n]]))
    assert len(synced) == 2
    assert len(RowTable(tmp_path, (1,), "uint8")) == 50


WRITER = """
import hashlib, sys, numpy as np
from pathlib import Path
from tlearn.storage import key_log
from tlearn.storage.row_table import RowTable
key_log._LEAST_SORTED = 50
table = RowTable(Path(sys.argv[1]), (1000,), "float32")
for n in range(100_000):
    key = hashlib.sha256(str(n).encode()).hexdigest()
    table.append([key], np.full((1, 1000), n))
    print(n, flush=True)
"""


def test_writers_that_are_killed_leave_whole_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path / "table")]
    writers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for writer, line in zip(writers, ("150", "300"), strict=True):
        assert writer.stdout
        while writer.stdout.readline().strip() != line:
            pass
        writer.kill()
        writer.communicate()
    table = RowTable(tmp_path / "table", (1000,), "float32")
    names = [str(n) for n in range(301)]
    assert table.missing(keys(*names)) == []
    assert table.read(keys(*names))[:, 7].tolist() == [*range(301)]


def test_threads_may_meet_the_same_damaged_row(tmp_path: Path) -> None:
    RowTable(tmp_path, (3,), "float32").append(keys("a"), np.ones((1, 3)))
    (tmp_path / "values.bin").write_bytes(bytes(12))
    table = RowTable(tmp_path, (3,), "float32")
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(table.__contains__, keys("a") * 200))
