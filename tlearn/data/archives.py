"""Zip and tar archives of images, unpacked once into the cache."""

from __future__ import annotations

import lzma
import os
import re
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from tlearn.errors import DataError, HostError, pasted, quoted
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.digest import digest_of_bytes, digest_of_file
from tlearn.storage.lease import UNFINISHED, Lease, folder_lock

TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
SUFFIXES = (".zip", *TAR_SUFFIXES)

MOST_FILES = 10_000_000
MOST_GROWTH = 100
"""Times its size that an archive may take unpacked: images hardly shrink in one, bombs do."""

FREE_GROWTH_BYTES = 2_000_000_000
"""What an archive may take in any case: many small images with much in common."""

_BROKEN = (
    *(tarfile.TarError, zipfile.BadZipFile, EOFError, zlib.error, lzma.LZMAError, struct.error),
    *(OSError, ValueError, RuntimeError),
)
"""What damaged archives raise; RuntimeError: a zip with a password, or packed in another way."""


def unpack_archives(paths: Sequence[Path], cache: Path) -> list[Path]:
    """Return the paths, with each archive replaced by the folder it was unpacked to.

    Args:
        paths: Archives, folders and files.
        cache: The cache folder; an archive that was unpacked before is not unpacked again.

    Raises:
        DataError: An archive is missing or broken.
        HostError: The cache cannot be written.
    """
    return [unpack([path], cache) if is_archive(path) else path for path in paths]


def is_archive(path: Path) -> bool:
    """Return whether a file is by its name an archive that is read."""
    return path.name.lower().endswith(SUFFIXES) and not path.is_dir()


def unpack(archives: Sequence[Path], cache: Path) -> Path:
    """Unpack archives into one folder of the cache; several of them into a subfolder each.

    Args:
        archives: Files.
        cache: The cache folder.

    Raises:
        DataError: An archive is missing or broken, would write outside of its folder, or would
            fill the disk.
        HostError: The cache cannot be written.
    """
    digests = [_digest(archive) for archive in archives]
    if len(archives) > 1:
        named = [f"{path.name}:{digest}" for path, digest in zip(archives, digests, strict=True)]
        digests = [digest_of_bytes("\n".join(named).encode("utf-8", "surrogateescape"))]

    def fill(folder: Path) -> None:
        # Archives that differ in a number are one in several files, unless each is of a class.
        names = {re.sub(r"\d+$", "", stem_of(archive)) for archive in archives}
        if len(names) == 1 and len(archives) > 1 and all(map(_is_of_class, archives)):
            names = {stem_of(archive) for archive in archives}
        for archive in archives:
            _extract(archive, folder / stem_of(archive) if len(names) > 1 else folder)

    return fill_cached(cache / "archives" / digests[0][:32], fill)


def fill_cached(folder: Path, fill: Callable[[Path], None]) -> Path:
    """Return a folder of the cache, filled by whoever comes first, and in use from now on.

    Args:
        folder: The folder; empty or missing until it was filled.
        fill: Called with another folder, which takes its place when it is complete.

    Raises:
        HostError: The cache cannot be written.
    """
    Lease(folder)
    if any(folder.iterdir()):
        return folder
    unfinished = folder.with_name(f"{UNFINISHED}{folder.name}-{os.getpid()}")
    Lease(unfinished)
    try:
        with os_errors_as_host_errors(folder, CACHE_HINT):
            unfinished.mkdir(parents=True, exist_ok=True)
        fill(unfinished)
        with os_errors_as_host_errors(folder, CACHE_HINT), folder_lock(folder):
            if not any(folder.iterdir()):  # another process may have been faster
                folder.rmdir()
                unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def stem_of(archive: Path) -> str:
    """Return an archive's name without its extensions, "train" for "train.tar.gz"."""
    name = archive.name
    suffix = max((end for end in SUFFIXES if name.lower().endswith(end)), key=len, default="")
    return name[: len(name) - len(suffix)] or name


def _is_of_class(archive: Path) -> bool:
    """Return whether an archive holds images of one class, by its name, as n01440764.tar does."""
    if not re.fullmatch(r"[A-Za-z]?\d+|(?:class|category|label)[ _-]?\d+", stem_of(archive), re.I):
        return False
    with suppress(*_BROKEN, StopIteration):
        return "/" not in next(_entries(archive))[0].removeprefix("./")
    return False


def _digest(archive: Path) -> str:
    try:
        return digest_of_file(archive)
    except OSError as error:
        message = f"cannot read {quoted(archive)}: {error.strerror}"
        raise DataError(message, "name a folder, or a zip or tar archive") from error


def _extract(archive: Path, folder: Path) -> None:
    try:
        with os_errors_as_host_errors(folder, CACHE_HINT):
            folder.mkdir(parents=True, exist_ok=True)
            entries = _entries(archive)
            limits = _Limits(archive, folder)
            for name, size, file in entries:
                target = folder / _inside(archive, name)
                if target.exists():  # the same name in another of several archives
                    target = target.parent / stem_of(archive) / target.name
                limits.count(size)
                target.parent.mkdir(parents=True, exist_ok=True)
                with file, target.open("wb") as copy:
                    shutil.copyfileobj(file, copy, 1 << 20)
    except _BROKEN as error:
        reason = "it is protected by a password" if "encrypted" in str(error) else str(error)
        again = "" if "encrypted" in str(error) else "download or create the archive again, or "
        raise DataError(
            f"cannot unpack {quoted(archive)}: {reason}",
            f"{again}unpack it yourself: {unpack_command(archive)}",
        ) from error


def unpack_command(archive: Path) -> str:
    """Return the command that unpacks an archive into a folder beside it."""
    shown, into = pasted(archive), pasted(archive.with_name(stem_of(archive)))
    if archive.name.lower().endswith(".zip"):
        return f"unzip {shown} -d {into}"
    return f"mkdir {into} && tar -xf {shown} -C {into}"


def _entries(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    """Yield name, size and content of the files in an archive, whatever it is by its name."""
    if not archive.name.lower().endswith(".zip"):
        return _zip_entries(archive) if zipfile.is_zipfile(archive) else _tar_entries(archive)
    is_tar = not zipfile.is_zipfile(archive) and tarfile.is_tarfile(archive)
    return _tar_entries(archive) if is_tar else _zip_entries(archive)


def _zip_entries(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    with zipfile.ZipFile(archive) as file:
        for entry in file.infolist():
            if stat.S_ISLNK(entry.external_attr >> 16):
                raise _link(archive, entry.filename)
            if not entry.is_dir() and not entry.filename.endswith("\\"):
                # Some programs on Windows write its own slashes.
                yield entry.filename.replace("\\", "/"), entry.file_size, file.open(entry)


def _tar_entries(archive: Path) -> Iterator[tuple[str, int, IO[bytes]]]:
    with tarfile.open(archive) as file:
        for entry in file:
            if entry.issym() or entry.islnk():
                raise _link(archive, entry.name)
            content = file.extractfile(entry) if entry.isfile() else None
            if content:
                yield entry.name, entry.size, content


def _link(archive: Path, name: str) -> DataError:
    return DataError(
        f"{quoted(archive)} holds a link, which is not followed: {name!r}",
        f"pack the file itself, or unpack the archive yourself: {unpack_command(archive)}",
    )


def _inside(archive: Path, name: str) -> str:
    """Return the name of an entry, which has to lie inside of the folder it is unpacked to."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or (os.name == "nt" and ":" in name):
        raise DataError(
            f"{quoted(archive)} would write outside of its folder: {name!r}",
            "do not use it, or look into it first: "
            + (
                f"unzip -l {pasted(archive)}"
                if archive.suffix.lower() == ".zip"
                else f"tar -tf {pasted(archive)}"
            ),
        )
    return name


class _Limits:
    """What an archive may take: bytes and files; more is refused before it is written.

    Args:
        archive: The file.
        folder: Where it is unpacked to.
    """

    def __init__(self, archive: Path, folder: Path) -> None:
        self._archive = archive
        self._most = max(MOST_GROWTH * archive.stat().st_size, FREE_GROWTH_BYTES)
        self._free = shutil.disk_usage(folder).free
        self._bytes = self._files = 0

    def count(self, size: int) -> None:
        """Count one more file of `size` bytes."""
        self._bytes += size
        self._files += 1
        if self._bytes > self._most or self._files > MOST_FILES:
            raise DataError(
                f"{quoted(self._archive)} would take more than {MOST_GROWTH} times its size "
                "unpacked, as no archive of images does",
                f"if you trust it, unpack it yourself: {unpack_command(self._archive)}",
            )
        if self._bytes > self._free:
            raise HostError(
                f"no space to unpack {quoted(self._archive)}: {self._free / 1e9:.1f} GB are free",
                CACHE_HINT,
            )
