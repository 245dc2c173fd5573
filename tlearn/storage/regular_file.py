"""Read a file whole: a regular one of limited size, so that no pipe is waited for."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_BLOCK = 1 << 24
# Without waiting for the other end of a pipe.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def kind_of(mode: int) -> str:
    """Return what a mode of `os.stat` says that something is; "" for a regular file."""
    return _KINDS.get(stat.S_IFMT(mode), "")


def read_regular(path: Path, max_bytes: int) -> bytes:
    """Return the bytes of a regular file.

    Args:
        path: Anything else than a file is not even opened: that can block, or act on a device.
        max_bytes: Of the largest file that is read; a sparse file of 40 GB takes no space.

    Raises:
        OSError: It cannot be read, is no regular file, or is larger; `strerror` says which.
    """
    _check(os.stat(path), max_bytes)
    # Not by `open` with an opener, which tells an audit, or a tracer, of two openings.
    with os.fdopen(os.open(path, _FLAGS), "rb") as file:
        _check(os.fstat(file.fileno()), max_bytes)  # another file may stand there by now
        content = bytearray()
        # In blocks: a read takes the memory that it may need, not what it needs.
        while block := file.read(_BLOCK):
            content += block
            if len(content) > max_bytes:
                raise _too_large(max_bytes)
    return bytes(content)


def _check(status: os.stat_result, max_bytes: int) -> None:
    if kind := kind_of(status.st_mode):
        raise OSError(errno.EINVAL, f"it is {kind}, not a file")
    if status.st_size > max_bytes:
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> OSError:
    return OSError(errno.EFBIG, f"it is larger than {max_bytes / 1e6:,.0f} MB")
