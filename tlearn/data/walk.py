"""Walk through a tree of folders and find the images in it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tlearn.data.formats import EXTENSIONS, is_foreign_extension, sniff
from tlearn.errors import DataError, quoted

QUARANTINE, QUARANTINE_JOURNAL = "quarantine", ".tlearn-moves.jsonl"
"""The folder beside the classes that `tlearn doctor` moves files into, and what marks it."""

_SYSTEM = re.compile(
    r"[$#@]recycle(\.bin)?|(?-i:RECYCLE[DR])|system volume information|lost\+found"
    r"|found\.\d{3}|thumbnails|_?thumbs|#snapshot|@recently-snapshot|network trash folder"
    r"|temporary items|@?__thumb(nail)?s?|@eadir|__macosx|__pycache__",
    re.IGNORECASE,
)
_SHOWN = 300
"""Characters of a path in a message."""


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
        message = f"cannot read the folder {_shortened(folder)}: {error.strerror}"
        hint = "change its permissions, or move it out of the image folder"
        raise DataError(message, hint) from error


def _shortened(path: Path) -> str:
    """Return a path in quotes, without its middle where it fills the screen."""
    text = quoted(path)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 2 :]}"


def is_hidden(name: str) -> bool:
    """Return whether a file or folder is no one's data: of the system, or named with a dot."""
    last = name.rpartition("/")[2]
    return last.startswith(".") or last in ("__MACOSX", "@eaDir") or is_system_folder(last)


def is_system_folder(name: str) -> bool:
    """Return whether a folder is a recycle bin, or another that a system makes by itself."""
    return bool(_SYSTEM.fullmatch(name.rpartition("/")[2]))


def _is_image(path: str) -> bool:
    if os.path.splitext(path)[1].lower() in EXTENSIONS:
        return True  # whatever its content: an unreadable image is to be reported, not ignored
    try:
        with open(path, "rb") as file:
            return bool(sniff(file.read(32)))
    except OSError:
        return False


def is_quarantine(folder: Path) -> bool:
    """Return whether a folder holds what `tlearn doctor` has moved out of the classes."""
    return folder.name == QUARANTINE and os.path.isfile(folder / QUARANTINE_JOURNAL)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle, or to where we have no access
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return what is the same for every way to a folder; None where it cannot be reached."""
    try:
        status = os.stat(folder)
    except OSError:  # a path that is too long, or a folder that has just gone
        return None
    return status.st_dev, status.st_ino


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
    _listed: dict[str, tuple[list[str], list[str]]] = field(default_factory=dict, repr=False)

    def children(self, name: str) -> tuple[list[str], list[str]]:
        """Return the subfolders of the folder `name`, and the images directly in it."""
        if name not in self._listed:
            self._listed[name] = self._children(name)
        return self._listed[name]

    def class_folders(self, name: str) -> list[str]:
        """Return the subfolders of the folder `name` that have images."""
        return [child for child in self.children(name)[0] if self.has_images(child)]

    def _children(self, name: str) -> tuple[list[str], list[str]]:
        folders, images, foreign = [], [], []
        for entry in list_entries(self.root / name):
            child = f"{name}/{entry.name}".removeprefix("/")
            hidden = is_hidden(entry.name)
            hidden |= entry.name == QUARANTINE and is_quarantine(self.root / child)
            if not hidden and _is_folder(entry):
                folders.append(child)
            elif not hidden and _is_file(entry) and _is_image(entry.path):
                images.append(child)
            elif not hidden and _is_file(entry) and is_foreign_extension(child):
                foreign.append(child)
            else:
                self.ignored.append(child)
        # Beside other images they are told as unreadable; alone they make no class.
        (images if images else self.ignored).extend(foreign)
        return sorted(folders, key=natural_key), images

    def images(self, name: str) -> list[str]:
        """Return the images in `name` and below; links back to visited folders are ignored."""
        return [image for images in self._images(name) for image in images]

    def has_images(self, name: str) -> bool:
        """Return whether `name` or a folder below it has an image; looks no further than needed."""
        return any(self._images(name))

    def _images(self, name: str) -> Iterator[list[str]]:
        visited = {_identity(self.root / above) for above in Path(name).parents}
        waiting = [name]
        while waiting:  # no recursion: folders may be nested deeper than Python's stack
            name = waiting.pop()
            identity = _identity(self.root / name)
            if identity is None or identity in visited:
                self.ignored.append(name)
                continue
            visited.add(identity)
            folders, images = self.children(name)
            yield images
            waiting += reversed(folders)
