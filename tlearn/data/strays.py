"""What stands in an image folder and is not trained on: folders that are no class, loose images."""

from __future__ import annotations

from itertools import islice
from pathlib import Path, PurePosixPath

from tlearn.data.formats import EXTENSIONS
from tlearn.data.image_folder import SPLIT_NAMES, ImageFolder
from tlearn.data.walk import is_hidden

_FILES_LOOKED_AT = 1000
_SHOWN = 3


def folders_without_class(folder: ImageFolder) -> dict[str, str]:
    """Return folders that one may take for a class, each with the reason why it is none."""
    names = [name for name in folder.ignored if not is_hidden(name) and _is_place_of_class(name)]
    strays = {name: folder.root / name for name in names}
    return {name: _reason(name, path) for name, path in strays.items() if path.is_dir()}


def loose_images(folder: ImageFolder) -> list[str]:
    """Return images that are in no class folder."""
    return [
        name
        for name in folder.ignored
        if PurePosixPath(name).suffix.lower() in EXTENSIONS
        and not is_hidden(name)
        and (folder.root / name).is_file()
    ]


def _is_place_of_class(name: str) -> bool:
    above, slash, _ = name.rpartition("/")
    return not slash or above.lower() in SPLIT_NAMES


def _reason(name: str, path: Path) -> str:
    files = (file for file in path.rglob("*") if file.is_file())
    suffixes = dict.fromkeys(file.suffix.lower() for file in islice(files, _FILES_LOOKED_AT))
    if not suffixes:
        return "empty"
    if suffixes.keys() & EXTENSIONS.keys():
        # It has images, so only its place can be the reason.
        if path.is_symlink():
            return "a link to a folder above it"
        return "empty" if name.lower() in SPLIT_NAMES else "not train, val or test"
    named = sorted(suffix for suffix in suffixes if suffix)
    return f"only {', '.join(named[:_SHOWN]) or 'other'} files"
