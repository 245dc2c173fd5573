"""Atomic writes of files and directories; the system's refusals become errors with a hint."""

from __future__ import annotations

import errno
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from tlearn.errors import DataError, HostError, quoted

TEXT_ENCODING = {"encoding": "utf-8", "errors": "surrogateescape"}
"""How text is read and written: file names on Linux need not be valid UTF-8."""

OUT_HINT = "name another folder: --out FOLDER"
CACHE_HINT = (
    "set TLEARN_CACHE to another folder; "
    "suggest, finetune, rank and doctor can do without: --no-cache"
)

_MARKED_BYTES = 65_536

_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ENAMETOOLONG, errno.EEXIST}
_REFUSED |= {
    errno.EISDIR,
    errno.ENOTDIR,
    errno.ENOENT,
    errno.ELOOP,
    errno.EFBIG,
    errno.EBUSY,
    errno.EXDEV,
} | _DISK_FULL


def write_atomic(
    path: Path, content: bytes | str | Callable[[Path], None], hint: str = OUT_HINT
) -> None:
    """Write a file so that a reader sees either the old content or the whole new one.

    Args:
        path: The file; missing parent folders are created.
        content: Bytes, text, or a function that writes a file at the path it is called with,
            which has the same suffix.
        hint: What to do if the system refuses.

    Raises:
        HostError: The system refuses (no space, no permission); `path` is unchanged.
    """
    with _replacing(path, hint) as temporary:
        if callable(content):
            content(temporary)
        else:
            temporary.write_bytes(
                content.encode(**TEXT_ENCODING) if isinstance(content, str) else content
            )


def write_atomic_directory(path: Path, write: Callable[[Path], None]) -> None:
    """Write a directory (a SavedModel) so that it appears whole or not at all.

    Args:
        path: The directory; an existing one is replaced with everything in it.
        write: Fills the empty folder it is called with.

    Raises:
        HostError: The system refuses; `path` is unchanged.
    """
    with _replacing(path) as temporary:
        temporary.mkdir()
        write(temporary)


@contextmanager
def os_errors_as_host_errors(path: Path, hint: str = OUT_HINT) -> Iterator[None]:
    """Turn a refusal of the system into a HostError; any other OSError is a bug and passes.

    Args:
        path: The file or folder in use.
        hint: What to do about it; where the disk is full, freeing space is suggested first.

    Raises:
        HostError: The block met a full disk, missing permission or the like.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSED:
            raise
        free_space = "free some space, or " if error.errno in _DISK_FULL else ""
        message = f"cannot use {quoted(path)}: {os.strerror(error.errno)}"
        raise HostError(message, free_space + hint) from error


def ensure_writable(folder: Path, hint: str = OUT_HINT) -> None:
    """Check that a folder can be written, before minutes are spent on what goes into it.

    Args:
        folder: Need not exist; nothing is left there.
        hint: What to do if it cannot.

    Raises:
        HostError: Nothing can be written there.
    """
    with os_errors_as_host_errors(folder, hint):
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "")
        try:
            tempfile.TemporaryFile(dir=existing).close()
        except FileNotFoundError as error:  # /proc, which root may write to and nobody can
            raise PermissionError(errno.EACCES, "") from error


def ensure_writable_file(path: Path, hint: str = OUT_HINT) -> None:
    """Check that a file can be written, before minutes are spent on what goes into it.

    Args:
        path: The file; one that exists is not touched.
        hint: What to do if it cannot.

    Raises:
        HostError: It cannot be written, or is a folder.
    """
    with os_errors_as_host_errors(path, hint):
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, "")
    ensure_writable(path.parent, hint)


def ensure_replaces(path: Path, mark: bytes, kind: str, hint: str) -> None:
    """Check that a file that would be replaced is of the kind that is written, and not a photo.

    Args:
        path: Need not exist.
        mark: Pattern that is found where such a file begins or ends.
        kind: What such a file is.
        hint: What to do if it is another.

    Raises:
        DataError: It is another.
        HostError: It cannot be read.
    """
    if not path.is_file() or not (size := path.stat().st_size):
        return
    with os_errors_as_host_errors(path, hint), path.open("rb") as file:
        start = file.read(_MARKED_BYTES)
        file.seek(max(size - _MARKED_BYTES, 0))
        if not re.search(mark, start + file.read()):
            raise DataError(f"{quoted(path)} exists and is no {kind}", hint)


@contextmanager
def _replacing(path: Path, hint: str = OUT_HINT) -> Iterator[Path]:
    """Yield a temporary path; unless the block raises, what it wrote there replaces `path`."""
    name = f".{secrets.token_hex(4)}-{path.name}"  # Keras and LiteRT insist on the suffix
    temporary, old = path.with_name(name), path.with_name(name + ".old")
    if path.exists() and not path.is_file() and not path.is_dir():  # root could replace /dev/null
        raise HostError(f"{quoted(path)} is a device or a pipe, and no file", hint)
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
    if os.name == "nt":  # Windows cannot sync a file that is open for reading
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove(path: Path) -> None:
    """Remove a file, a link, or a folder with everything in it; a missing one is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
