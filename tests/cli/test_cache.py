"""What is kept, and what clearing removes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command


@pytest.fixture
def filled(own_cache: Path) -> Path:
    for kind in ("pixels", "features", "probes", "archives", "weights", "precious"):
        (own_cache / kind / "deep").mkdir(parents=True)
        (own_cache / kind / "deep" / "file").write_bytes(b"x" * 1000)
    return own_cache


def test_sizes_by_kind(command: Command, filled: Path, fits: Callable[[str], None]) -> None:
    result = command("cache")
    fits(result.stdout)
    assert result.stdout.count("1.0 kB") == 5 and "5.0 kB" in result.stdout
    sizes = json.loads(command("cache", "--json").stdout)["sizes"]
    assert sizes == dict.fromkeys(("pixels", "features", "probes", "archives", "weights"), 1000)


def test_clear_removes_its_own_folders_and_nothing_else(command: Command, filled: Path) -> None:
    result = command("cache", "clear")
    assert result.exit_code == 0 and "4.0 kB" in result.stdout
    assert {path.name for path in filled.iterdir()} == {"weights", "precious"}
    document = json.loads(command("cache", "clear", "--weights", "--json").stdout)
    assert document["removed_bytes"] == 1000
    assert {path.name for path in filled.iterdir()} == {"precious"}


def test_a_link_is_removed_and_what_it_points_at_is_kept(
    command: Command, own_cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"x" * 1000)
    own_cache.joinpath("pixels").symlink_to(tmp_path)
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
