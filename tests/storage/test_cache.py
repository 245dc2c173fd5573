"""The cache stays within its limit; what was used last is removed last."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import HostError
from tlearn.storage.cache import DEFAULT_GB, cache_folder, folder_bytes, limit_bytes, trim_cache
from tlearn.storage.row_table import RowTable


def table(path: Path, used: float, n_bytes: int = 1000) -> Path:
    path.mkdir(parents=True)
    (path / "rows.bin").write_bytes(bytes(n_bytes))
    os.utime(path, (used, used))
    return path


def test_the_longest_unused_tables_go_first(tmp_path: Path) -> None:
    old, new = table(tmp_path / "features" / "old", 1), table(tmp_path / "pixels" / "new", 3)
    middle = table(tmp_path / "features" / "middle", 2)
    weights = table(tmp_path / "weights", 0)
    assert trim_cache(tmp_path, 3000) == []
    assert trim_cache(tmp_path, 2999) == [old]
    assert trim_cache(tmp_path, 1000) == [middle]
    assert new.exists() and weights.exists()
    assert folder_bytes(tmp_path) == 2000


def test_opening_a_table_counts_as_use(tmp_path: Path) -> None:
    first = RowTable(tmp_path / "features" / "first", (1,), "float32")
    first.append(["00" * 32], np.zeros((1, 1)))
    second = table(tmp_path / "features" / "second", 100)
    os.utime(tmp_path / "features" / "first", (1, 1))
    RowTable(tmp_path / "features" / "first", (1,), "float32")
    assert trim_cache(tmp_path, 500) == [second]


@pytest.mark.parametrize(("value", "gigabytes"), [("0.5", 0.5), ("much", DEFAULT_GB)])
def test_the_environment_sets_the_limit(
    value: str, gigabytes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_CACHE_GB", value)
    assert limit_bytes() == gigabytes * 1e9


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"


def test_a_home_folder_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(HostError, match="no such user"):
        cache_folder()
