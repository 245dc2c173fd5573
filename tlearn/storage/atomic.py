"""Writes that are whole or not there at all; the machine's refusals as faults to be mended."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tlearn.errors import HostError

TEXT_ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}
"""How text is read and written: names of files need not be UTF-8."""

OUT_HINT = "name another folder with --out"
CACHE_HINT = "point TLEARN_CACHE at another folder, or pass --no-cache"

_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENAMETOOLONG, errno.EEXIST}
_REFUSED |= {errno.EISDIR, errno.ENOTDIR} | _FULL


def write_atomic(
    path: Path, content: bytes | str | Callable[[Path], None], hint: str = OUT_HINT
) -> None:
    """Write a file so that a reader sees the old one or the whole new one.

    Args:
        path: The file; its folder is made when missing.
        content: Bytes, text, or a function that writes a file at a path of the same suffix.
        hint: What a person can do when the machine refuses.

    Raises:
        HostError: The machine refuses (no space, no permission); `path` is as it was.
    """
    with _replacing(path, hint) as temporary:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(
                content.encode(**TEXT_ENCODING) if isinstance(content, str) else content
            )


def write_atomic_directory(path: Path, write: Callable[[Path], None]) -> None:
    """Write a directory (a SavedModel) so that it is whole or not there.

    `write` fills the folder it is given. One that stands at `path` is replaced with all it holds.
    """
    with _replacing(path) as temporary:
        temporary.mkdir()
        write(temporary)


@contextmanager
def os_errors_as_host_errors(path: Path, hint: str = OUT_HINT) -> Iterator[None]:
    """Turn what the machine refuses into a SystemFault; any other OSError is a bug and passes.

    Args:
        path: What is being used.
        hint: What the person can do about it, whatever the refusal.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        first = "free some space, or " if error.errno in _FULL else ""
        problem = f"cannot use {path}: {os.strerror(error.errno)}"
        raise HostError(problem, first + hint) from error


def ensure_writable(folder: Path) -> None:
    """Raise now what a write would raise once minutes have been spent; nothing is made.

    Args:
        folder: It need not exist.

    Raises:
        HostError: Nothing can be written there.
    """
    with os_errors_as_host_errors(folder):
        near = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not near.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "")
        if not os.access(near, os.W_OK):
            raise PermissionError(errno.EACCES, "")


@contextmanager
def _replacing(path: Path, hint: str = OUT_HINT) -> Iterator[Path]:
    """Give a path to write at; when that went well, what was written takes the place of `path`."""
    name = f".{secrets.token_hex(4)}-{path.name}"  # Keras and LiteRT insist on the suffix
    temporary, old = path.with_name(name), path.with_name(name + ".old")
    with os_errors_as_host_errors(path, hint):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            yield temporary
            for entry in (*temporary.rglob("*"), temporary):
                _sync(entry)
            if temporary.is_dir() and path.is_dir():
                os.replace(path, old)
            os.replace(temporary, path)
        except BaseException:
            if old.exists():
                os.replace(old, path)
            remove(temporary)
            raise
        remove(old)
        _sync(path.parent)


def _sync(path: Path) -> None:
    """Wait until a file or folder is on the disk."""
    if os.name == "nt":  # cannot sync what is open for reading
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
