"""Digests are SHA-256 in hexadecimal, whether of bytes or of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tlearn.storage.digest import digest_of_bytes, digest_of_file


def test_a_file_has_the_digest_of_its_bytes(tmp_path: Path) -> None:
    content = bytes(range(256)) * 5_000
    (tmp_path / "file").write_bytes(content)
    expected = hashlib.sha256(content).hexdigest()
    assert digest_of_file(tmp_path / "file") == digest_of_bytes(content) == expected


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        digest_of_file(tmp_path / "missing")
