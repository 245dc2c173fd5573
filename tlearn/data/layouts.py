"""Which folders are parts, which are classes, and which are neither."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

from tlearn.data.companions import (
    holds_images,
    is_never_class,
    without_companions,
)
from tlearn.data.layout_notes import (
    archives_beside,
    merged_subfolders,
    odd_names,
    system_folders,
)
from tlearn.data.notes import FolderNote, Row, listed, reading
from tlearn.data.other_tasks import loose_images_hint, refuse_other_tasks
from tlearn.data.parts import is_plain, is_unused, split_of
from tlearn.data.several_sets import refuse_several_data_sets
from tlearn.data.walk import Walk
from tlearn.errors import DataError, quoted

_DEEPEST = 3
_ALSO_CLASSES = {"train", "training", "valid", "dev", "development", "eval", "evaluation"}
"""Names of parts that may well be a class where they stand beside others and hold images."""


@dataclass
class Found:
    """What a folder of images turned out to be.

    Attributes:
        rows: Its images.
        layout: "classes" or "splits".
        notes: What was done that its person may not expect.
    """

    rows: list[Row]
    layout: str = "classes"
    notes: list[FolderNote] = field(default_factory=list)


def find_images(walk: Walk, scored: bool) -> Found:
    """Find the images of a folder, their classes and their splits.

    Args:
        walk: At the folder; what is neither image nor class is added to its `ignored`.
        scored: Whether it is only to be scored, so that it needs no train part.

    Raises:
        DataError: It is another kind of data set, or not arranged in classes.
    """
    peek = Walk(walk.root)  # what it passes over does not count as ignored
    folders, loose = walk.children("")
    refuse_other_tasks(peek)
    parts, notes = _parts(peek, folders)
    full = peek.class_folders("")
    has_train = "train" in map(split_of, parts)
    if has_train or (scored and parts and {*full} <= {*parts}):
        found = _rows_of_parts(walk, parts, folders, loose)
        for name, inner in parts.items():
            if split_of(name) == "train":
                found.notes += _merged(peek, inner, peek.class_folders(inner))
    elif full and all(map(split_of, full)):
        raise _no_train_part(peek, full, parts)
    else:
        found = _rows_of_classes(walk, peek, folders, loose)
    found.rows, companions = without_companions(found.rows)
    found.notes += [*notes, *companions, *odd_names(found.rows)]
    found.notes += [*archives_beside(walk), *system_folders(walk)]
    return found


def _parts(peek: Walk, folders: Sequence[str]) -> tuple[dict[str, str], list[FolderNote]]:
    """Return the parts that have class folders, each with the folder that these stand in."""
    places = {name: _place_of_classes(peek, name) for name in folders if split_of(name)}
    parts = {name: inner for name, inner in places.items() if inner}
    _refuse_deeper_parts(peek, parts)
    names = {
        name: [reading(Path(child).name) for child in peek.class_folders(inner)]
        for name, inner in parts.items()
    }
    trained = {child for name in names if split_of(name) == "train" for child in names[name]}
    for name, (only, *others) in names.items():
        # test/unknown/1.jpg, test/images/1.jpg: a folder for the images, not of a class.
        unknown = bool(trained) and not get_close_matches(only, trained)
        if not others and (unknown or holds_images(only)):
            del parts[name]
    nested = tuple(inner for name, inner in parts.items() if inner != name)
    if not nested:
        return parts, []
    message = f"The class folders stand one level deeper than usual, in {listed(nested)}."
    return parts, [FolderNote("layout", "note", message, nested)]


def _refuse_deeper_parts(peek: Walk, parts: Mapping[str, str]) -> None:
    for inner in parts.values():
        deeper = peek.class_folders(inner)
        if len(deeper) > 1 and all(split_of(part) and peek.class_folders(part) for part in deeper):
            where = quoted(peek.root / inner)
            raise DataError(
                f"{quoted(peek.root)} has its parts one level deeper, in {where}",
                f"name the folder around them: tlearn suggest {where}",
            )


def _place_of_classes(peek: Walk, name: str) -> str | None:
    """Return the folder with class folders: a part, or the only folder in it, and so on."""
    inner = peek.class_folders(name)
    for _ in range(_DEEPEST):
        if len(inner) != 1 or peek.children(name)[1] or peek.children(inner[0])[1]:
            break
        deeper = peek.class_folders(inner[0])
        if len(deeper) < 2 and split_of(inner[0]) != split_of(name):
            break
        name, inner = inner[0], deeper
    return name if inner else None


def _rows_of_parts(
    walk: Walk, parts: Mapping[str, str], folders: Sequence[str], loose: Sequence[str]
) -> Found:
    walk.ignored += [*loose, *(name for name in folders if name not in parts)]
    has_splits = len({split_of(name) for name in parts}) > 1
    rows: list[Row] = []
    for name, inner in parts.items():
        rows += _class_rows(walk, *walk.children(inner), split_of(name) if has_splits else None)
    return Found(rows, "splits" if has_splits else "classes")


def _class_rows(
    walk: Walk, folders: Sequence[str], loose: Sequence[str], split: str | None = None
) -> list[Row]:
    rows: list[Row] = []
    full = [folder for folder in folders if walk.has_images(folder)]
    masks = {folder for folder in full if len(full) > 2 and is_never_class(folder)}
    for folder in folders:
        images = [] if folder in masks else walk.images(folder)
        rows += [Row(name, Path(folder).name, split) for name in images]
        walk.ignored += [] if images else [folder]
    if not rows and loose:
        images_here = "1 image" if len(loose) == 1 else f"{len(loose)} images"
        raise DataError(
            f"{quoted(walk.root)} has {images_here} but no class folders",
            loose_images_hint(walk.root, loose),
        )
    walk.ignored += loose
    return rows


def _rows_of_classes(walk: Walk, peek: Walk, folders: Sequence[str], loose: Sequence[str]) -> Found:
    full = peek.class_folders("")
    inner = {name: [Path(child).name for child in peek.class_folders(name)] for name in full}
    flat = {name for name in full if peek.children(name)[1]}
    refuse_several_data_sets(peek, {name: [] if name in flat else inner[name] for name in full})
    classes = [name for name in full if not _is_no_class(name, full, inner)]
    held_out = [
        name
        for name in full
        if name not in classes
        and split_of(name) in ("val", "test")
        and len({*inner[name]} & {*classes}) > 1
    ]
    walk.ignored += [name for name in full if name not in classes and name not in held_out]
    rows = _class_rows(
        walk,
        [name for name in folders if name in classes or name not in full],
        loose,
        "train" if held_out else None,
    )
    for name in held_out:
        rows += _class_rows(walk, *walk.children(name), split_of(name))
    found = Found(rows, "splits" if held_out else "classes")
    if held_out:
        message = (
            f"{listed(held_out)} has folders of the same names as the classes beside it: taken as "
            "a part of its own, and the classes beside it for training."
        )
        found.notes.append(FolderNote("layout", "note", message, (*held_out,)))
    found.notes += _merged(peek, "", classes)
    if not held_out:
        _take_parts_in_classes(found)
    return found


def _is_no_class(name: str, full: Sequence[str], inner: Mapping[str, Sequence[str]]) -> bool:
    """Return whether a folder beside classes is a part, or repeats the classes beside it."""
    others = [other for other in full if other != name]
    if len({*inner[name]} & {*others}) > 1:
        return True
    key = name.casefold()
    if len(others) < 2:
        return len(others) == 1 and bool(split_of(name)) and not is_plain(name)
    return (
        is_unused(name)
        or is_never_class(name)
        or (bool(split_of(name)) and key not in _ALSO_CLASSES)
    )


def _merged(peek: Walk, place: str, classes: Sequence[str]) -> Iterator[FolderNote]:
    """Yield a note on sub-folders of classes, which are paths below the folder `place`."""
    inner, flat = {}, set()
    for path in classes:
        name, below = Path(path).name, path
        while len(deeper := peek.class_folders(below)) == 1 and not peek.children(below)[1]:
            below = deeper[0]
        inner[name] = [Path(child).name for child in deeper]
        flat |= {name} if peek.children(below)[1] else set()
    yield from merged_subfolders(peek.root / place, list(inner), inner, flat)


def _take_parts_in_classes(found: Found) -> None:
    """Obey `class/train/1.png`: parts below each class instead of above."""
    splits: dict[str, str | None] = {}
    for row in found.rows:
        below = row.name.split("/")[1:-1]
        splits[row.name] = split_of(below[0]) if below else None
    given: dict[str, set[str | None]] = defaultdict(set)
    for row in found.rows:
        given[row.class_name].add(splits[row.name])
    if all({"train"} < has <= {"train", "val", "test"} for has in given.values()) and given:
        found.rows = [row._replace(split=splits[row.name]) for row in found.rows]
        found.layout = "splits"
        found.notes = [note for note in found.notes if note.kind != "merged"]
        message = "The parts stand below each class (CLASS/train, CLASS/test) and are used as such."
        found.notes.append(FolderNote("layout", "note", message, (*given,)))


def _no_train_part(peek: Walk, full: Sequence[str], parts: Mapping[str, str]) -> DataError:
    """Say what is wrong with a folder of parts of which none has classes to train on."""
    root, names = peek.root, " and ".join(map(repr, full))
    if len(parts) == 1 and len(full) == 1:
        (inner,) = parts.values()
        return DataError(
            f"{quoted(root)} has its class folders one level deeper, in {quoted(root / inner)}",
            f"name the folder inside it: tlearn suggest {quoted(root / inner)}",
        )
    if parts:
        return DataError(
            f"{quoted(root)} has {names}, but no train folder with class folders",
            "arrange it as train/<class>/..., or name a folder with one subfolder per class: "
            f"tlearn suggest {quoted(root / next(iter(parts.values())))}",
        )
    trained = [name for name in full if split_of(name) == "train"]
    images = [image for name in trained or full for image in Walk(root).images(name)]
    parts_by_name = "its name a part" if len(full) == 1 else "their names parts"
    return DataError(
        f"{quoted(root)} has {names}, by {parts_by_name} of a data set, with images but no class "
        "folders",
        loose_images_hint(root, images),
    )
