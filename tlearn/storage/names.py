"""Names of files: fit for every system, and free in the folder that they go into."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

_UNFIT = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\ud800-\udfff]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com[1-9]|lpt[1-9])(\..*)?", re.IGNORECASE)
"""Names of devices on Windows, with any extension."""

_MOST_BYTES = 200
"""Of a name: file systems take 255, and a number may come behind it."""


def fit_name(text: str) -> str:
    """Return text as the name of a file or folder on Linux, macOS and Windows; "_" for nothing.

    What no name may hold becomes "_"; so does a dot in front, which hides a file, and dots and
    spaces at the end, which Windows drops.
    """
    name = _UNFIT.sub("_", text)
    name = name.encode()[:_MOST_BYTES].decode(errors="ignore")
    name = re.sub(r"[. ]+$", lambda end: "_" * len(end[0]), re.sub(r"^\.", "_", name))
    return f"_{name}" if _RESERVED.fullmatch(name) else name or "_"


def same_for_some(name: str) -> str:
    """Return what two names share that are one file on Windows and macOS."""
    return unicodedata.normalize("NFC", name).casefold()


def numbered(name: str) -> Iterator[str]:
    """Yield a name with forward slashes, and then with a number before its suffix: 1, 2 and on."""
    yield name
    path, number = PurePosixPath(name), 1
    while True:
        yield str(path.with_name(f"{path.stem}-{number}{path.suffix}"))
        number += 1


def free_name(root: Path, name: str, taken: set[str]) -> str:
    """Return a name below `root`, numbered where it is in use, and take it.

    Args:
        root: A folder; it need not exist.
        name: Relative to it, with forward slashes.
        taken: What `same_for_some` gives for the names that will be used; the new one is added.
    """
    for candidate in numbered(name):
        key = same_for_some(candidate)
        if key not in taken and not os.path.lexists(root / candidate):
            break
    taken.add(key)
    return candidate
