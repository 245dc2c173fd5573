"""What is kept, and what clearing removes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tlearn.storage.cache import open_cache


def visible(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if not path.name.startswith(".")}


@pytest.fixture
def filled(own_cache: Path) -> Path:
    open_cache()
    for kind in ("pixels", "features", "probes", "models", "archives", "weights", "precious"):
        (own_cache / kind / "deep").mkdir(parents=True)
        (own_cache / kind / "deep" / "file").write_bytes(b"x" * 1000)
    return own_cache


def test_sizes_by_kind(command: Command, filled: Path, fits: Callable[[str], None]) -> None:
    result = command("cache")
    fits(result.stdout)
    assert result.stdout.count("1.0 kB") == 6 and "6.0 kB" in result.stdout
    sizes = json.loads(command("cache", "--json").stdout)["sizes"]
    assert sizes == dict.fromkeys(
        ("pixels", "features", "probes", "models", "archives", "weights"), 1000
    )


def test_clear_removes_its_own_folders_and_nothing_else(command: Command, filled: Path) -> None:
    result = command("cache", "clear")
    assert result.exit_code == 0 and "5.0 kB" in result.stdout
    assert visible(filled) == {"weights", "precious", "pixels", "features", "models", "archives"}
    document = json.loads(command("cache", "clear", "--weights", "--json").stdout)
    assert document["removed_bytes"] == 1000
    assert "weights" not in visible(filled) and "precious" in visible(filled)


def test_a_link_is_removed_and_what_it_points_at_is_kept(
    command: Command, own_cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    open_cache().joinpath("pixels").symlink_to(tmp_path)
    command("cache", "clear")
    assert (tmp_path / "file").exists()


def test_an_empty_cache_can_be_cleared(command: Command) -> None:
    result = command("cache", "clear")
    assert result.exit_code == 0 and "the cache is empty" in result.stdout
    assert "bytes" not in result.stdout.splitlines()[-1]


def test_clearing_leaves_downloaded_weights_and_says_so(command: Command, filled: Path) -> None:
    command("cache", "clear")
    assert "only downloaded weights are left" in command("cache", "clear").stdout


def test_another_word_is_refused(command: Command) -> None:
    result = command("cache", "purge")
    assert result.exit_code == 2 and "hint: remove the cache: tlearn cache clear" in result.stderr


def test_a_folder_with_other_files_is_not_cleared(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "features" / "mine").mkdir(parents=True)
    (tmp_path / "features" / "mine" / "file").touch()
    monkeypatch.setenv("TLEARN_CACHE", str(tmp_path))
    result = command("cache", "clear")
    assert result.exit_code == 2 and "not a cache of tlearn" in result.stderr
    assert (tmp_path / "features" / "mine" / "file").exists()
