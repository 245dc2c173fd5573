"""Tar archives of pictures as folders, unpacked once into the cache."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tlearn.errors import DataError
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.digest import digest_of_file

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def unpacked(sources: Sequence[Path], cache: Path) -> list[Path]:
    """The sources, with the folder that an archive was unpacked to in its place.

    Raises:
        DataError: An archive is missing or broken.
        HostError: The cache cannot be written.
    """
    return [
        _unpack(source, cache) if source.name.lower().endswith(SUFFIXES) else source
        for source in sources
    ]


def _unpack(archive: Path, cache: Path) -> Path:
    try:
        digest = digest_of_file(archive)
    except OSError as error:
        raise DataError(f"{archive}: {error.strerror}", "name a folder or a tar archive") from error
    folder = cache / "archives" / digest[:32]
    if folder.exists():
        os.utime(folder)
        return folder

    half = folder.with_name(f".{folder.name}-{os.getpid()}")
    try:
        with os_errors_as_host_errors(folder, CACHE_HINT):
            half.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as tar:
                tar.extractall(half, filter="data")  # refuses what would leave the folder
            half.rename(folder)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        raise DataError(
            f"{archive} cannot be unpacked: {error}", "make the archive anew"
        ) from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    return folder
