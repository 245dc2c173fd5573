"""What was done with the folders of a layout that a person may not expect, as notes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tlearn.data.archives import is_archive, stem_of
from tlearn.data.companions import goes_with_images, holds_images, is_pair
from tlearn.data.notes import FolderNote, Row, listed
from tlearn.data.parts import is_plain, split_of
from tlearn.data.walk import Walk, is_hidden, is_quarantine, is_system_folder
from tlearn.errors import quoted

_NO_CLASS = re.compile(
    r"temp|tmp|bak|backups?|downloads?|uploads?|screenshots?|logs|plots|results|predictions?|runs"
    r"|checkpoints?|node_modules|v?env|site-packages|bounding_box_(train|test)|papierkorb|papelera"
    r"|lixeira|(new|untitled) folder|to[ _-]?(sort|do|label|check|delete)",
    re.IGNORECASE,
)
"""Names that folders have which nobody made for a class."""


def merged_subfolders(
    root: Path, classes: Sequence[str], inner: Mapping[str, Sequence[str]], flat: set[str]
) -> Iterator[FolderNote]:
    """Yield a note where classes have sub-folders that could be classes themselves."""
    inner = {
        name: [child for child in children if not (is_pair(children) and goes_with_images(child))]
        for name, children in inner.items()
    }
    nested = [name for name in classes if len(inner[name]) > 1]
    counts = Counter(child for name in nested for child in inner[name])
    shared = sorted(child for child, count in counts.items() if 2 * count > len(classes) > 1)
    alone = f"If {listed(nested)} are data sets of their own, name one of them"
    alone += " instead: tlearn suggest " + quoted(root / nested[0]) if nested else ""
    if len(shared) > 1:
        all_of_them = all(counts[child] == len(classes) for child in shared)
        of_all = "every class" if all_of_them else "most classes"
        message = (
            f"Sub-folders {listed(shared)} are part of {of_all} and merged: the class is the "
            "folder above them. Where the sub-folders are what is to be told apart, make them the "
            f"folders of the first level. {alone}."
        )
        yield FolderNote("merged", "warning", message, (*shared,))
    elif len(nested) > 1 and len(nested) == len(classes) and not {*nested} & flat:
        message = (
            f"Every class has sub-folders, such as {listed(counts)}, which are merged: the class "
            f"is the folder above them. {alone}."
        )
        yield FolderNote("merged", "warning", message, (*nested,))


def _is_odd(name: str) -> bool:
    return holds_images(name) or bool(_NO_CLASS.fullmatch(name.strip(" _.-")))


def odd_names(rows: Sequence[Row]) -> Iterator[FolderNote]:
    """Yield a note on classes beside others whose name is that of a part, or of all images."""
    classes = dict.fromkeys(row.class_name for row in rows)
    odd = tuple(name for name in classes if is_plain(name) or _is_odd(name))
    if odd and len(odd) < len(classes):
        message = (
            f"{listed(odd)} is trained on as a class, although by its name it is none. Move it out "
            "of the folder unless it is one."
            if len(odd) == 1
            else f"{listed(odd)} are trained on as classes, although by their names they are none. "
            "Move them out of the folder unless they are."
        )
        yield FolderNote("layout", "warning", message, odd)


def archives_beside(walk: Walk) -> Iterator[FolderNote]:
    """Yield a note on archives that stand where classes do, unless one was unpacked beside it."""
    archives = [name for name in walk.ignored if is_archive(walk.root / name)]
    unread = tuple(
        name
        for name in archives
        if not is_hidden(name)
        and all(split_of(above) for above in name.split("/")[:-1])
        and not (walk.root / name).with_name(stem_of(walk.root / name)).is_dir()
        and stem_of(walk.root / name) != walk.root.name
    )
    if unread:
        message = f"Archives beside the classes are not read: {listed(unread)}. Unpack them to use."
        yield FolderNote("no_class", "warning", message, unread)


def system_folders(walk: Walk) -> Iterator[FolderNote]:
    """Yield a note on recycle bins and the like that a walk has passed over."""
    names = [name for name in walk.ignored if is_system_folder(name)]
    names = [name for name in names if name.rpartition("/")[2] not in ("__MACOSX", "@eaDir")]
    if names:
        message = (
            f"Folders that a system or a program makes by itself are left aside: {listed(names)}."
        )
        yield FolderNote("system_folder", "note", message, (*names,))
    moved = tuple(name for name in walk.ignored if is_quarantine(walk.root / name))
    if moved:
        message = f"What tlearn doctor has moved out of the classes is left aside: {listed(moved)}."
        yield FolderNote("system_folder", "note", message, moved)
