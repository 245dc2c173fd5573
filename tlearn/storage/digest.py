"""SHA-256 digests of files and bytes, in hexadecimal, and files that carry one beside them."""

from __future__ import annotations

import hashlib
from pathlib import Path

from tlearn.storage.atomic import CACHE_HINT, write_atomic
from tlearn.storage.regular_file import read_regular

_DIGEST_BYTES = 64
"""Of a SHA-256 in hexadecimal."""


def digest_of_bytes(content: bytes) -> str:
    """Return the SHA-256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def digest_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, read in blocks.

    Raises:
        OSError: The file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_with_digest(path: Path, content: bytes) -> None:
    """Write a file of the cache, and its digest in a file beside it.

    Raises:
        HostError: The cache cannot be written.
    """
    write_atomic(path, content, CACHE_HINT)
    write_atomic(_digest_path(path), digest_of_bytes(content), CACHE_HINT)


def matches_digest(path: Path) -> bool:
    """Return whether a file is what `write_with_digest` wrote: not missing, changed or a link."""
    try:
        if path.is_symlink() or not path.is_file():
            return False
        written = read_regular(_digest_path(path), _DIGEST_BYTES).decode("ascii")
        return digest_of_file(path) == written
    except (OSError, UnicodeDecodeError):
        return False


def _digest_path(path: Path) -> Path:
    return path.with_name(path.name + ".sha256")
