"""Files are read whole; pipes, devices, folders and huge files are refused without being opened."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlearn.storage.regular_file import read_regular


def test_a_file_and_a_link_to_one_are_read(tmp_path: Path) -> None:
    path, link = tmp_path / "a", tmp_path / "link"
    path.write_bytes(b"content")
    link.symlink_to(path)
    assert read_regular(path, 7) == read_regular(link, 7) == b"content"


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(40 * 10**9)
    with pytest.raises(OSError, match="larger than 2 MB"):
        read_regular(path, 2_000_000)


def test_a_file_that_hides_its_size_is_limited_too() -> None:
    if not Path("/proc/self/maps").exists():
        pytest.skip("no /proc")
    with pytest.raises(OSError, match="larger"):
        read_regular(Path("/proc/self/maps"), 10)


def test_what_is_no_file_is_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, kind in ((tmp_path / "pipe", "a pipe"), (tmp_path, "a folder")):
        with pytest.raises(OSError, match=f"it is {kind}, not a file"):
            read_regular(path, 10)
    with pytest.raises(OSError, match="it is a device"):
        read_regular(Path(os.devnull), 10)
