"""A file of lines with checksums: append-only, shared by processes; damaged lines are ignored."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from tlearn.errors import HostError, quoted
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.regular_file import kind_of

_HINT = "remove what is cached: tlearn cache clear"
_MOST_BYTES = 1 << 20
"""Of a line; longer ones are of a file that is none of ours."""


def read_lines(path: Path) -> Iterator[bytes]:
    """Yield the contents of the lines that are as they were written; none if there is no file.

    Raises:
        HostError: It is a pipe or the like.
    """
    try:
        if kind := kind_of(os.stat(path).st_mode):
            raise HostError(f"cannot use {quoted(path)}: it is {kind}, not a file", _HINT)
        with path.open("rb") as file:  # a line at a time: there may be millions
            while line := file.readline(_MOST_BYTES):
                with suppress(ValueError):
                    checksum, _, text = line.rstrip(b"\n").partition(b" ")
                    if int(checksum, 16) == zlib.crc32(text):
                        yield text
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostError(f"cannot use {quoted(path)}: {error.strerror}", _HINT) from error


def as_line(text: bytes) -> bytes:
    """Return a line as `read_lines` expects it."""
    return b"%08x %s\n" % (zlib.crc32(text), text)


def append_line(path: Path, text: bytes) -> None:
    """Add one line, in a single write.

    Raises:
        HostError: No space, or no permission.
    """
    with os_errors_as_host_errors(path, CACHE_HINT), path.open("ab") as file:
        file.write(as_line(text))


def ensure_regular(path: Path) -> None:
    """Check that a file of the cache is missing or a file: a pipe would be waited for.

    Raises:
        HostError: It is something else.
    """
    if not os.path.lexists(path):
        return
    if kind := "a link" if path.is_symlink() else kind_of(path.stat().st_mode):
        raise HostError(f"cannot use {quoted(path)}: it is {kind}, not a file", _HINT)
