"""The cache stays within its limit, is private, and nobody else's folder is taken for it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import HostError
from tlearn.storage.cache import (
    MARKER,
    CommandCache,
    cache_folder,
    clear_cache,
    folder_bytes,
    limit_bytes,
    open_cache,
    trim_cache,
)
from tlearn.storage.lease import release_leases
from tlearn.storage.row_table import RowTable

posix = pytest.mark.skipif(os.name == "nt", reason="owners and modes of POSIX")


@pytest.fixture
def cache() -> Path:
    return open_cache()


def table(path: Path, used: float, n_bytes: int = 1000) -> Path:
    path.mkdir(parents=True)
    (path / "values.bin").write_bytes(bytes(n_bytes))
    os.utime(path, (used, used))
    return path


def test_what_is_longest_unused_goes_first(cache: Path) -> None:
    old, new = table(cache / "features" / "old", 1), table(cache / "pixels" / "new", 3)
    middle = table(cache / "archives" / "middle", 2)
    assert [*trim_cache(cache, 3000)] == []
    assert [*trim_cache(cache, 2999)] == [old]
    assert [*trim_cache(cache, 1000)] == [middle]
    assert new.exists()
    assert folder_bytes(cache) == 1000


def test_weights_count_and_stay(cache: Path) -> None:
    weights = table(cache / "weights", 0)
    new = table(cache / "pixels" / "new", 3)
    assert [*trim_cache(cache, 1999)] == [new]
    assert [*trim_cache(cache, 0)] == []
    assert weights.exists()


def test_opening_a_table_counts_as_use(cache: Path) -> None:
    first = RowTable(cache / "features" / "first", (1,), "float32")
    first.append(["00" * 32], np.zeros((1, 1)))
    second = table(cache / "features" / "second", 100)
    os.utime(cache / "features" / "first", (1, 1))
    RowTable(cache / "features" / "first", (1,), "float32")
    release_leases(cache)
    assert [*trim_cache(cache, 500)] == [second]


def test_a_table_in_use_is_neither_trimmed_nor_cleared(cache: Path) -> None:
    folder = cache / "features" / "mine"
    RowTable(folder, (1,), "float32").append(["00" * 32], np.zeros((1, 1)))
    other = table(cache / "features" / "other", 1)
    assert [*trim_cache(cache, 0)] == [other]
    assert clear_cache(cache, ["features"]) == [folder]
    release_leases(cache)
    assert clear_cache(cache, ["features"]) == [] and not folder.exists()


@pytest.mark.parametrize("kind", ["pixels", "features", "archives", "weights", "probes"])
def test_a_folder_of_somebody_else_is_never_trimmed_or_cleared(tmp_path: Path, kind: str) -> None:
    mine = table(tmp_path / kind / "mine", 0)
    assert [*trim_cache(tmp_path, 0)] == []
    with pytest.raises(HostError, match="not a cache of tlearn"):
        clear_cache(tmp_path, [kind])
    assert (mine / "values.bin").exists()


def test_in_a_folder_with_other_files_the_cache_is_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_CACHE", str(tmp_path))
    (tmp_path / "thesis.txt").touch()
    assert open_cache() == tmp_path / "tlearn"
    assert {path.name for path in tmp_path.iterdir()} == {"thesis.txt", "tlearn"}


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    assert open_cache() == cache_folder() == tmp_path / "here"
    (tmp_path / "here" / "pixels").mkdir()
    assert cache_folder() == tmp_path / "here"


@posix
def test_nobody_else_can_read_the_cache(own_cache: Path) -> None:
    own_cache.chmod(0o755)
    assert stat.S_IMODE(open_cache().stat().st_mode) == 0o700


@posix
def test_a_cache_of_another_user_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: cache.stat().st_uid + 1)
    with pytest.raises(HostError, match="another user"):
        open_cache()


@posix
def test_links_in_the_cache_are_not_followed(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (cache / "pixels").symlink_to(tmp_path)
    with pytest.raises(HostError, match="is a link"):
        open_cache()
    clear_cache(cache, ["pixels"])
    assert (tmp_path / "file").exists() and not (cache / "pixels").exists()


def test_the_limit_is_set_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_CACHE_GB", "0.5")
    assert limit_bytes() == 5e8


@pytest.mark.parametrize("value", ["much", "inf", "nan", "-1", "1e999"])
def test_a_limit_that_is_no_number_is_met_before_the_work(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_CACHE_GB", value)
    with pytest.raises(HostError, match="not a number of gigabytes"):
        open_cache()


def test_a_command_keeps_what_it_used_and_says_what_was_removed(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_CACHE_GB", "1e-6")
    command = CommandCache()
    mine = command.folder / "features" / "mine"
    RowTable(mine, (1,), "float32").append(["00" * 32], np.zeros((1, 1)))
    (mine / "large").write_bytes(bytes(5000))
    other = table(command.folder / "pixels" / "other", 1, 2_000_000)
    assert command.close() == "trim the cache: 2 MB of pixels removed"
    assert mine.exists() and not other.exists()
    following = CommandCache()
    following.folder  # noqa: B018 - it is opened, and does not use the table
    assert "features" in following.close() and not mine.exists()


def test_without_room_a_command_removes_its_own_tables_at_its_end(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_CACHE_GB", "0")
    command = CommandCache()
    RowTable(command.folder / "features" / "mine", (1,), "float32")
    (command.folder / "features" / "mine" / "values.bin").write_bytes(bytes(100))
    command.close()
    assert not (own_cache / "features" / "mine").exists()
    assert (own_cache / MARKER).exists()


def test_a_home_folder_of_nobody_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TLEARN_CACHE", "~nobody-of-that-name/cache")
    with pytest.raises(HostError, match="no such user"):
        cache_folder()


@posix
def test_without_a_home_directory_the_cache_is_a_temporary_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_home(*_: object, **__: object) -> str:
        raise RuntimeError("could not determine the home directory")

    monkeypatch.delenv("TLEARN_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", no_home)
    assert cache_folder().name == f"tlearn-{os.getuid()}"
