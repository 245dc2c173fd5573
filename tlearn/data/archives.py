"""Tar archives of images, unpacked once into the cache."""

from __future__ import annotations

import lzma
import os
import shutil
import tarfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from tlearn.errors import DataError, quoted
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.digest import digest_of_file
from tlearn.storage.lease import UNFINISHED, Lease, folder_lock

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")


def unpack_archives(paths: Sequence[Path], cache: Path) -> list[Path]:
    """Return the paths, with each tar archive replaced by the folder it was unpacked to.

    Args:
        paths: Archives, folders and files.
        cache: The cache folder; an archive that was unpacked before is not unpacked again.

    Raises:
        DataError: An archive is missing or broken.
        HostError: The cache cannot be written.
    """
    return [
        _unpack(path, cache) if path.name.lower().endswith(SUFFIXES) else path for path in paths
    ]


def _unpack(archive: Path, cache: Path) -> Path:
    try:
        digest = digest_of_file(archive)
    except OSError as error:
        message = f"cannot read {quoted(archive)}: {error.strerror}"
        raise DataError(message, "name a folder or a tar archive") from error
    folder = cache / "archives" / digest[:32]
    Lease(folder)
    if any(folder.iterdir()):
        return folder

    unfinished = folder.with_name(f"{UNFINISHED}{folder.name}-{os.getpid()}")
    Lease(unfinished)
    try:
        with os_errors_as_host_errors(folder, CACHE_HINT):
            unfinished.mkdir(parents=True, exist_ok=True)
            with tarfile.open(archive) as tar:
                tar.extractall(unfinished, filter="data")  # refuses paths outside the folder
            with folder_lock(folder):
                if not any(folder.iterdir()):  # another process may have been faster
                    folder.rmdir()
                    unfinished.rename(folder)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, OSError) as error:
        message = f"cannot unpack {quoted(archive)}: {error}"
        raise DataError(message, "create the archive again, or name a folder instead") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder
