"""What a name on the command line stands for here: a folder, a table, or what was unpacked."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from tlearn.data.archives import is_archive, unpack, unpack_command
from tlearn.data.foreign import file_error, is_stand_in
from tlearn.data.image_csv import lists_images
from tlearn.data.notes import FolderNote, listed
from tlearn.data.parquet import is_parquet, unpack_parquet
from tlearn.data.remote import address_of, fetch
from tlearn.data.walk import Walk, list_entries
from tlearn.errors import DataError, quoted
from tlearn.storage.cache import open_cache

_DEEPEST = 3


def is_table(path: Path) -> bool:
    """Return whether a file is by its name a table that lists images."""
    return path.suffix.lower() in (".csv", ".tsv") and not path.is_dir()


def local_source(path: Path, cache: Callable[[], Path]) -> tuple[Path, tuple[FolderNote, ...]]:
    """Return the folder or file to read, unpacked or fetched first where that is needed.

    Args:
        path: A folder, a file, an archive, a Parquet table, a folder of these, or an address.
        cache: Called for the cache folder, where something has to be unpacked.

    Returns:
        What to read, and a note if it is not what was named.

    Raises:
        DataError: An archive cannot be unpacked.
        HostError: Packages for an address or a table are missing, or the network is.
    """
    address = address_of(path)
    local, opened = (fetch(address, cache()), [address]) if address else (path, [])
    for _ in range(_DEEPEST):  # an archive may hold archives
        packed = _packed(local)
        if not packed:
            break
        for stand_in in filter(is_stand_in, packed):
            raise file_error(stand_in)
        opened = opened or [entry.name for entry in packed]
        if is_parquet(packed[0]):
            local = unpack_parquet(packed, cache())
        else:
            local = _without_wrapper(unpack(packed, cache()))
    if not opened:
        return path, ()
    message = f"{listed(opened)} was unpacked once into the cache, and is read from there."
    if len(opened) > 1:
        message = f"The archives {listed(opened)} were unpacked once into the cache."
    return local, (FolderNote("unpacked", "note", message, tuple(opened)),)


def _packed(path: Path) -> list[Path]:
    """Return the archives or tables to open: the file itself, or all in a folder without images."""
    if not path.is_dir():
        return [path] if is_archive(path) or is_parquet(path) else []
    entries = sorted(Path(entry.path) for entry in list_entries(path))
    archives = [entry for entry in entries if is_archive(entry)]
    walk = Walk(path)
    if not archives and not any(map(is_parquet, entries)) and not (path / "data").is_dir():
        return []
    if walk.has_images(""):
        return []
    tables = [entry for entry in entries if is_table(entry) and lists_images(entry)]
    if archives and tables:
        raise DataError(
            f"{quoted(path)} has images in {quoted(archives[0])} and labels in {quoted(tables[0])}",
            f"unpack the archive, then name the table: {unpack_command(archives[0])}",
        )
    return archives or [path / name for name in sorted(walk.ignored) if is_parquet(path / name)]


def _without_wrapper(folder: Path) -> Path:
    """Return the folder inside of folders that hold nothing else; an archive often has one."""
    walk = Walk(folder)
    name = ""
    while not walk.children(name)[1]:
        inner = walk.class_folders(name)
        if len(inner) != 1 or not walk.class_folders(inner[0]):
            break
        name = inner[0]
    if not walk.has_images(""):  # archives in an archive, perhaps in a folder
        folders = walk.children("")[0]
        holds_archives = any(map(is_archive, folder.iterdir()))
        name = folders[0] if len(folders) == 1 and not holds_archives else ""
    return folder / name


def locate(root: Path, names: Iterable[str]) -> list[Path]:
    """Return where the images of a run are; those that were added from an archive, in the cache.

    Args:
        root: The folder of the run's images.
        names: Names of images in `split.csv`.

    Raises:
        DataError: An archive cannot be unpacked.
    """
    unpacked: dict[Path, Path] = {}
    paths = []
    for name in names:
        path = root / name
        if not os.path.exists(path):
            archive = next(filter(os.path.isfile, path.parents), None)
            if archive and archive not in unpacked:
                unpacked[archive] = local_source(archive, open_cache)[0]
            path = unpacked[archive] / path.relative_to(archive) if archive else path
        paths.append(path)
    return paths
