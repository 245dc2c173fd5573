"""Find the images of a CSV that was written on another machine, or beside another folder.

A path is taken as it stands where it leads to a file. Otherwise one rule is looked for that holds
for the whole table: slashes instead of backslashes, folders in front that all rows share and that
do not exist here, folders that the images now stand in, an extension that is not written, letters
with accents in another Unicode form, the %20 of an address, characters that nobody sees. No rule
drops a folder that tells one row from another, so no row finds the image of another row.
"""

from __future__ import annotations

import os
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from tlearn.data.formats import EXTENSIONS
from tlearn.data.notes import FolderNote, composed, listed, without_invisible
from tlearn.data.parts import split_of
from tlearn.data.walk import Walk
from tlearn.errors import DataError, quoted

_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DRIVE = re.compile(r"[a-zA-Z]:(?=/)")


def find_files(table: Path, cells: Sequence[str]) -> tuple[dict[str, str], tuple[FolderNote, ...]]:
    """Find the files that are not where the paths of a CSV lead.

    Args:
        table: The CSV.
        cells: Its paths.

    Returns:
        For paths that lead nowhere as they stand, the path of the file that is meant, as far as
        there is one and only one; and what to say of it.

    Raises:
        DataError: The paths are web addresses, or the images stand in two folders.
    """
    root = table.parent
    missing = [cell for cell in dict.fromkeys(cells) if cell and not _exists(root, cell)]
    if not missing:
        return {}, ()
    if addresses := [cell for cell in missing if _ADDRESS.match(cell)]:
        raise DataError(
            f"{quoted(table)} lists web addresses, not files: {listed(addresses[:1])}",
            "download the images and write their file names into the column: "
            "wget --input-file=ADDRESSES.txt --directory-prefix=images",
        )
    parts = {cell: _parts(cell) for cell in missing}
    index = _Index(root)
    if len(missing) == len({*cells} - {""}):
        most = _common(list(parts.values())) if len(missing) > 1 else 0
        rules = [_matches(index, parts, dropped) for dropped in range(most + 1)]
    else:  # other paths are right as they stand, so these lack no folder
        rules = [
            {
                cell: [name for name in names if name.count("/") == len(parts[cell]) - 1]
                for cell, names in _matches(index, parts, 0).items()
            }
        ]
    # The first of those that find most: it drops least.
    found = max(rules, key=lambda matches: sum(map(bool, matches.values())))
    chosen = _choose(table, found)
    return chosen, _notes(chosen)


def _exists(root: Path, cell: str) -> bool:
    try:
        return os.path.lexists(root / cell)
    except ValueError:  # a character that no path has
        return True


def _parts(cell: str) -> tuple[str, ...]:
    path = _DRIVE.sub("", re.sub(r"^file:/+", "/", cell.replace("\\", "/")), count=1)
    return tuple(part for part in _written(path).split("/") if part not in ("", "."))


def _written(path: str) -> str:
    """Return a path as both sides have it: accents composed, without addresses' codes."""
    return composed(without_invisible(unquote(path, errors="surrogateescape"))).strip()


def _common(paths: Sequence[tuple[str, ...]]) -> int:
    """Return how many folders in front all paths share."""
    columns = zip(*(path[:-1] for path in paths), strict=False)
    return sum(1 for _ in takewhile(lambda column: len({*column}) == 1, columns))


class _Index:
    """The images below a folder, by the end of their path, with and without the extension."""

    def __init__(self, root: Path) -> None:
        self._by_end: dict[str, list[str]] = defaultdict(list)
        for name in Walk(root).images(""):
            parts = _written(name).split("/")
            for last in {parts[-1], _stem(parts[-1])}:
                tail = [*parts[:-1], last]
                for first in range(len(tail)):
                    self._by_end["/".join(tail[first:]).casefold()].append(name)

    def find(self, tail: tuple[str, ...]) -> list[str]:
        """Return the images whose path ends as given; the same letters in the same case first."""
        written = "/".join(tail)
        names = self._by_end.get(written.casefold(), [])
        exact = [name for name in names if _ends_with(_written(name), written)]
        return exact or names


def _stem(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in EXTENSIONS else name


def _ends_with(name: str, tail: str) -> bool:
    above, _, last = name.rpartition("/")
    without = f"{above}/{_stem(last)}"
    return f"/{name}".endswith(f"/{tail}") or f"/{without}".endswith(f"/{tail}")


def _matches(
    index: _Index, parts: dict[str, tuple[str, ...]], dropped: int
) -> dict[str, list[str]]:
    """Return the images that each path may mean without its first folders."""
    found: dict[str, list[str]] = {}
    for cell, path in parts.items():
        splits = {split_of(part) for part in path[:dropped]} - {None}
        names = index.find(path[dropped:])
        # What is of train in the table is nothing that stands in test.
        found[cell] = [
            name
            for name in names
            if not splits or {split_of(part) for part in name.split("/")[:-1]} - {None} <= splits
        ]
    return found


def _choose(table: Path, found: dict[str, list[str]]) -> dict[str, str]:
    """Take the one file that is meant; among several, those in the folder that has all of them."""
    chosen = {cell: names[0] for cell, names in found.items() if len(names) == 1}
    several = {cell: names for cell, names in found.items() if len(names) > 1}
    if not several:
        return chosen
    counts = Counter(
        folder for names in several.values() for folder in {_top(name) for name in names}
    )
    every = [folder for folder, count in counts.items() if count == len(several)]
    meant = split_of(table.stem)
    if len(every) > 1 and meant:
        every = [folder for folder in every if split_of(folder) == meant] or every
    taken = (
        {
            cell: [name for name in names if _top(name) == every[0]]
            for cell, names in several.items()
        }
        if len(every) == 1
        else {}
    )
    if not taken or any(len(names) > 1 for names in taken.values()):
        cell, names = next(iter(several.items()))
        raise DataError(
            f"{quoted(table)} has images that stand in several folders: {cell!r} may be "
            f"{listed(names)}",
            "write the folder into the path of every row, as in train/1.jpg",
        )
    return chosen | {cell: names[0] for cell, names in taken.items()}


def _top(name: str) -> str:
    return name.split("/")[0] if "/" in name else ""


def _notes(chosen: dict[str, str]) -> tuple[FolderNote, ...]:
    if not chosen:
        return ()
    cell, name = next(iter(chosen.items()))
    message = (
        f"{len(chosen):,} paths of the table lead nowhere as they stand and were matched to the "
        f"files here: {cell!r} is {name!r}."
    )
    return (FolderNote("paths", "note", message, tuple(chosen)),)
