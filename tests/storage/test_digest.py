"""Digests are SHA-256 in hexadecimal, whether of bytes or of a file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from tlearn.storage.digest import (
    digest_of_bytes,
    digest_of_file,
    matches_digest,
    write_with_digest,
)


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000
    (tmp_path / "file").write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    assert digest_of_file(tmp_path / "file") == digest_of_bytes(content) == expected


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_of_file(tmp_path / "missing")


def test_a_file_is_believed_only_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "network"
    assert not matches_digest(path)
    write_with_digest(path, b"content")
    assert matches_digest(path)
    path.write_bytes(b"planted")
    assert not matches_digest(path)
    write_with_digest(path, b"content")
    path.with_name("network.sha256").unlink()
    assert not matches_digest(path)


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_is_not_believed(tmp_path: Path) -> None:
    write_with_digest(tmp_path / "network", b"content")
    (tmp_path / "network").rename(tmp_path / "elsewhere")
    (tmp_path / "network").symlink_to(tmp_path / "elsewhere")
    assert not matches_digest(tmp_path / "network")
