"""What stands in an image folder and is not trained on: folders that are no class, loose images.

Nothing here is opened, and nothing that has no access raises.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from tlearn.data.companions import is_never_class
from tlearn.data.formats import EXTENSIONS
from tlearn.data.image_folder import ImageFolder
from tlearn.data.parts import is_unused, split_of
from tlearn.data.walk import is_hidden, is_quarantine
from tlearn.storage.regular_file import kind_of

_FILES_LOOKED_AT = 1000
_SHOWN = 3


def folders_without_class(folder: ImageFolder) -> dict[str, str]:
    """Return folders that one may take for a class, each with the reason why it is none."""
    names = [name for name in folder.ignored if not is_hidden(name) and _is_place_of_class(name)]
    strays = {name: folder.root / name for name in names if not is_quarantine(folder.root / name)}
    beside_parts = folder.layout == "splits"
    return {
        name: _reason(name, path, beside_parts)
        for name, path in strays.items()
        if os.path.isdir(path)
    }


def loose_images(folder: ImageFolder) -> list[str]:
    """Return images that are in no class folder."""
    return [
        name
        for name in folder.ignored
        if PurePosixPath(name).suffix.lower() in EXTENSIONS
        and not is_hidden(name)
        and os.path.isfile(folder.root / name)
    ]


def not_followed(folder: ImageFolder) -> dict[str, str]:
    """Return links, pipes, sockets and devices that were passed over, each with what it is."""
    found = {}
    for name in folder.ignored:
        path = folder.root / name
        if is_hidden(name) or (_is_place_of_class(name) and os.path.isdir(path)):
            continue  # told by `folders_without_class`
        try:
            kind = kind_of(os.stat(path).st_mode)
        except OSError as error:
            is_link = os.path.islink(path)
            found[name] = "a link that leads nowhere" if is_link else str(error.strerror).lower()
            continue
        if kind == "a folder":
            kind = "a link to a folder above it" if os.path.islink(path) else ""
        if kind:
            found[name] = kind
    return found


def _is_place_of_class(name: str) -> bool:
    *above, _ = name.split("/")
    return all(map(split_of, above))


def _reason(name: str, path: Path, beside_parts: bool) -> str:
    names = islice(_files_below(path), _FILES_LOOKED_AT)
    suffixes = dict.fromkeys(PurePosixPath(name).suffix.lower() for name in names)
    if not suffixes:
        return "empty"
    if suffixes.keys() & EXTENSIONS.keys():
        # It has images, so only its place can be the reason.
        if path.is_symlink():
            return "a link to a folder above it"
        if split_of(name):
            return "a part with images but no class folders"
        if is_never_class(name):
            return "by its name masks or labels of other images"
        if beside_parts or name.rpartition("/")[0]:
            return "not train, val or test"
        if is_unused(name):
            return "by its name not in a class"
        return "its subfolders are named like the classes beside it"
    named = sorted(suffix for suffix in suffixes if suffix)
    return f"only {', '.join(named[:_SHOWN]) or 'other'} files"


def _files_below(folder: Path) -> Iterator[str]:
    """Yield names of files; folders that cannot be read, or are nested too deeply, have none."""
    waiting = [str(folder)]
    while waiting:
        try:
            entries = list(os.scandir(waiting.pop()))
        except OSError:
            continue
        yield from (entry.name for entry in entries if entry.is_file(follow_symlinks=False))
        waiting += [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
