"""Lines with checksums: what was damaged is ignored, and nothing is waited for."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlearn.errors import HostError
from tlearn.storage.checked_lines import append_line, ensure_regular, read_lines


def test_lines_come_back_but_for_damaged_ones(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    for text in (b"first", b"second", b"third"):
        append_line(path, text)
    path.write_bytes(path.read_bytes().replace(b"second", b"Second") + b"torn")
    assert list(read_lines(path)) == [b"first", b"third"]


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert not list(read_lines(tmp_path / "none"))


@pytest.mark.skipif(os.name == "nt", reason="pipes and links of POSIX")
def test_a_pipe_or_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with pytest.raises(HostError, match="a pipe"):
        list(read_lines(tmp_path / "pipe"))
    for name in ("pipe", "link"):
        with pytest.raises(HostError, match=f"a {name}") as error:
            ensure_regular(tmp_path / name)
        assert error.value.hint.endswith("tlearn cache clear")
    ensure_regular(tmp_path / "file")
