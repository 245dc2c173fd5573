"""The one place that says where tlearn keeps what it can make again, and how much of it."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

LIMIT_VARIABLE = "TLEARN_CACHE_GB"
DEFAULT_GB = 20.0
_TABLES = ("pixels", "features")


def cache_folder() -> Path:
    """The folder named by TLEARN_CACHE, else the user's cache folder; it need not exist yet."""
    named = os.environ.get("TLEARN_CACHE")
    if named:
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_cache_dir("tlearn", appauthor=False))


def limit_bytes() -> int:
    """The most that pixels and features may take together: TLEARN_CACHE_GB, or 20 GB."""
    try:
        return int(1e9 * float(os.environ.get(LIMIT_VARIABLE, DEFAULT_GB)))
    except ValueError:
        return int(1e9 * DEFAULT_GB)


def trim_cache(folder: Path, limit: int) -> list[Path]:
    """Remove tables of pixels and features, the longest unused first, until the rest fits.

    A table's folder is touched whenever it is opened, so its time is that of its last use.

    Args:
        folder: The cache folder.
        limit: Bytes that may stay.

    Returns:
        The tables removed.
    """
    tables = [table for kind in _TABLES for table in (folder / kind).glob("*") if table.is_dir()]
    kept, removed = 0, []
    # Another process may be trimming too: what vanishes meanwhile needs no trimming.
    with suppress(FileNotFoundError):
        tables.sort(key=lambda table: table.stat().st_mtime, reverse=True)
        for table in tables:
            kept += folder_bytes(table)
            if kept > limit:
                shutil.rmtree(table, ignore_errors=True)
                removed.append(table)
    return removed


def folder_bytes(folder: Path) -> int:
    """Bytes of the files below a folder, links not followed; 0 where there is none."""
    places = os.walk(folder)
    return sum(Path(place, name).lstat().st_size for place, _, names in places for name in names)
