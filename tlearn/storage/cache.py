"""The cache folder: where results that can be computed again are kept, and how many of them."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

from tlearn.errors import HostError, quoted

LIMIT_VARIABLE = "TLEARN_CACHE_GB"
DEFAULT_GB = 20.0
_TABLES = ("pixels", "features")


def cache_folder() -> Path:
    """Return the folder that TLEARN_CACHE names, else the user's cache folder; it may not exist."""
    named = os.environ.get("TLEARN_CACHE")
    if named:
        folder = os.path.expanduser(named)
        if folder.startswith("~"):
            message = f"TLEARN_CACHE is {quoted(named)}, and there is no such user"
            raise HostError(message, "name another folder: export TLEARN_CACHE=FOLDER")
        return Path(folder).absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tlearn", appauthor=False))


def limit_bytes() -> int:
    """Return how many bytes pixels and features may take together: TLEARN_CACHE_GB, or 20 GB."""
    try:
        return int(1e9 * float(os.environ.get(LIMIT_VARIABLE, DEFAULT_GB)))
    except ValueError:
        return int(1e9 * DEFAULT_GB)


def trim_cache(folder: Path, limit: int) -> list[Path]:
    """Remove the least recently used tables of pixels and features until the rest fits a limit.

    A table's folder is touched whenever it is opened, so its time is that of its last use.

    Args:
        folder: The cache folder.
        limit: Bytes that may stay.

    Returns:
        The tables that were removed.
    """
    tables = [table for kind in _TABLES for table in (folder / kind).glob("*") if table.is_dir()]
    total, removed = 0, []
    # Another process may be trimming too: a table that vanishes meanwhile needs no trimming.
    with suppress(FileNotFoundError):
        tables.sort(key=lambda table: table.stat().st_mtime, reverse=True)
        for table in tables:
            total += folder_bytes(table)
            if total > limit:
                shutil.rmtree(table, ignore_errors=True)
                removed.append(table)
    return removed


def folder_bytes(folder: Path) -> int:
    """Return the bytes of all files below a folder, without following links; 0 if it is missing."""
    tree = os.walk(folder)
    return sum(Path(path, name).lstat().st_size for path, _, names in tree for name in names)
