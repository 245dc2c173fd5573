"""Walk through a tree of folders and find the images in it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from tlearn.data.formats import EXTENSIONS, sniff
from tlearn.errors import DataError, quoted


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Return a sort key that puts "img2" before "img10" and ignores case."""
    chunks = re.split("([0-9]+)", name.casefold())
    chunks[1::2] = [number.lstrip("0") for number in chunks[1::2]]
    return [(len(chunk) if n % 2 else 0, chunk) for n, chunk in enumerate(chunks)], name


def list_entries(folder: Path) -> list[os.DirEntry[str]]:
    """List the files and folders in a folder.

    Raises:
        DataError: The folder cannot be read.
    """
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        message = f"cannot read the folder {quoted(folder)}: {error.strerror}"
        hint = "change its permissions, or move it out of the image folder"
        raise DataError(message, hint) from error


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is no one's data: of the system, or named with a dot."""
    last = name.rpartition("/")[2]
    return last.startswith(".") or last in ("__MACOSX", "@eaDir")


def _is_image(path: Path) -> bool:
    if path.suffix.lower() in EXTENSIONS:
        return True  # whatever its content: an unreadable image is to be reported, not ignored
    try:
        with path.open("rb") as file:
            return bool(sniff(file.read(32)))
    except OSError:
        return False


@dataclass
class Walk:
    """A walk through the tree below a folder.

    Names are paths relative to `root`, with forward slashes.

    Attributes:
        root: The folder.
        ignored: Names of files and folders that are no images, are hidden, or were visited before.
    """

    root: Path
    ignored: list[str] = field(default_factory=list)

    def children(self, name: str) -> tuple[list[str], list[str]]:
        """Return the subfolders of the folder `name`, and the images directly in it."""
        folders, images = [], []
        for entry in list_entries(self.root / name):
            child = f"{name}/{entry.name}".removeprefix("/")
            hidden = is_hidden(entry.name)
            if entry.is_dir() and not hidden:
                folders.append(child)
            elif entry.is_file() and not hidden and _is_image(self.root / child):
                images.append(child)
            else:
                self.ignored.append(child)
        return sorted(folders, key=natural_key), images

    def images(self, name: str) -> list[str]:
        """Return the images in `name` and below; links back to visited folders are ignored."""
        return self._below(name, {(self.root / above).resolve() for above in Path(name).parents})

    def _below(self, name: str, visited: set[Path]) -> list[str]:
        folder = (self.root / name).resolve()
        if folder in visited:
            self.ignored.append(name)
            return []
        visited.add(folder)
        subfolders, images = self.children(name)
        return images + [image for sub in subfolders for image in self._below(sub, visited)]
