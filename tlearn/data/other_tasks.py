"""Folders made for other tasks than one class an image: boxes, masks, tags; and loose images."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from tlearn.data.companions import goes_with_images, holds_images
from tlearn.data.image_csv import lists_images
from tlearn.data.parts import split_of
from tlearn.data.walk import Walk, is_hidden, list_entries
from tlearn.errors import DataError, quoted

_LOOKED_AT = 50
_EXPORTS = {
    "_annotations.coco.json": "boxes",
    "_annotations.csv": "boxes",
    "_annotations.txt": "boxes",
    "_darknet.labels": "boxes",
    "_classes.csv": "several labels an image",
}
_KINDS = {
    ".txt": "boxes (YOLO)",
    ".xml": "boxes (Pascal VOC)",
    ".json": "boxes or outlines (COCO, LabelMe)",
    ".csv": "a table",
}
_BOXES_HINT = (
    "tlearn learns one class an image: put each image, or what is cut out along its box, into one "
    "subfolder per class: tlearn suggest FOLDER"
)


def refuse_other_tasks(peek: Walk) -> None:
    """Refuse a folder for object detection or segmentation, and one of several labels an image.

    Args:
        peek: At the folder.

    Raises:
        DataError: The message names the folders that tell.
    """
    for place in _places(peek):
        _refuse_pair(peek, place)
        _refuse_files(peek, place)


def _places(peek: Walk) -> Iterator[str]:
    """Yield the folders in which classes would stand: the whole, its parts, the only one in it."""
    waiting = [""]
    while waiting:
        place = waiting.pop(0)
        yield place
        if place.count("/") < 2:
            full = peek.class_folders(place)
            inner = [child for child in full if split_of(child) or holds_images(child)]
            waiting += full if len(full) == 1 else inner


def _refuse_pair(peek: Walk, place: str) -> None:
    folders = peek.children(place)[0]
    images = [name for name in folders if holds_images(name) and peek.has_images(name)]
    images += [name for name in folders if split_of(name) and peek.children(name)[1]]
    others = [name for name in folders if goes_with_images(name)]
    # Folders of images and of boxes may be classes of things; boxes as such are no images.
    others = [name for name in others if not name.endswith("boxes") or not peek.has_images(name)]
    if not images or not others:
        return
    root, shown = peek.root, f"{quoted(images[0])} and {quoted(others[0])}"
    if classes := _classes_in(peek, images[0]):
        if peek.has_images(others[0]):
            raise DataError(
                f"{quoted(root)} has images and what goes with them, {shown}",
                f"name the folder with one subfolder per class: tlearn suggest "
                f"{quoted(root / classes)}",
            )
        return  # the only folder with images, which is told by name, or obeyed in a part
    masks = peek.has_images(others[0])
    kind = "masks" if masks else _kind_of_files(root / others[0])
    task = "segmentation" if masks else "object detection"
    table = table_in(root)
    raise DataError(
        f"{quoted(root)} is made for {task}, not in class folders: {shown} hold images and {kind}",
        f"use the labels in the table: tlearn suggest {quoted(table)}" if table else _BOXES_HINT,
    )


def _classes_in(peek: Walk, name: str) -> str:
    """Return the folder in which class folders stand, if they do; else nothing."""
    inner = peek.class_folders(name)
    if not peek.children(name)[1] and any(
        split_of(child) and peek.class_folders(child) for child in inner
    ):
        return name
    plain = [child for child in inner if not split_of(child)]
    return name if len(plain) > 1 else ""


def _kind_of_files(folder: Path) -> str:
    suffixes = Counter(
        PurePosixPath(name).suffix.lower()
        for _, _, names in os.walk(folder)
        for name in names[:_LOOKED_AT]
    )
    known = [suffix for suffix, _ in suffixes.most_common() if suffix in _KINDS]
    return _KINDS[known[0]] if known else "what goes with them"


def _refuse_files(peek: Walk, place: str) -> None:
    """Refuse loose images beside files of boxes: an export's, or one of each image's name."""
    images = peek.children(place)[1]
    if not images:
        return
    root, names = peek.root, {entry.name for entry in list_entries(peek.root / place)}
    where = quoted(root / place)
    for name, kind in _EXPORTS.items():
        if name in names:
            raise DataError(
                f"{where} is not in class folders: by {name!r} its images have {kind}", _BOXES_HINT
            )
    stems = [PurePosixPath(image).stem for image in images[:_LOOKED_AT]]
    for suffix, kind in _KINDS.items():
        if suffix != ".csv" and 2 * sum(f"{stem}{suffix}" in names for stem in stems) > len(stems):
            raise DataError(
                f"{where} is not in class folders: beside the images are files {suffix} of the "
                f"same names, as for {kind}",
                _BOXES_HINT,
            )


def loose_images_hint(root: Path, images: Sequence[str]) -> str:
    """Return what to do with images that stand in no class folder.

    Args:
        root: The folder.
        images: Names of the images.
    """
    if hint := labels_hint(root, images):
        return hint
    first = Counter(
        match[0].casefold()
        for image in images
        if (match := re.match(r"[^\W\d_]{2,}", PurePosixPath(image).stem))
    )
    named = [word for word, count in first.items() if count > 1]
    text = "make one subfolder per class and move each image into the one of its class"
    if 1 < len(named) <= len(images) / 2 and sum(first.values()) > 0.9 * len(images):
        shown = ", ".join(map(repr, sorted(named)[:5]))
        text += f", perhaps by the first word of its name ({shown})"
    return text


def labels_hint(root: Path, images: Sequence[str] = ()) -> str:
    """Return what to do with a file beside images that may say their classes; "" without one."""
    places = dict.fromkeys([root, *((root / image).parent for image in images[:_LOOKED_AT])])
    if table := next(filter(None, map(table_in, places)), None):
        return f"use the labels in the table: tlearn suggest {quoted(table)}"
    if listing := next(filter(None, map(_listing_in, places)), None):
        return (
            f"write the class of each image, if {quoted(listing)} says it, into a table with the "
            "columns path,label: tlearn suggest TABLE.csv"
        )
    return ""


def _listing_in(root: Path) -> Path | None:
    """Return a file in the folder that may say the classes, as annotation tools write it."""
    names = [entry.name for entry in list_entries(root) if not is_hidden(entry.name)]
    known = sorted(name for name in names if name.lower().endswith((".jsonl", ".json", ".xml")))
    return root / known[0] if known else None


def table_in(root: Path) -> Path | None:
    """Return a table in the folder that lists images with labels; that of training before others.

    A table of images alone, as a competition's sample of an answer, is none.
    """
    tables = [
        root / entry.name
        for entry in list_entries(root)
        if not is_hidden(entry.name) and entry.name.lower().endswith((".csv", ".tsv"))
    ]
    tables.sort(
        key=lambda path: ("sample" in path.stem.lower(), split_of(path.stem) != "train", path.name)
    )
    return next(filter(lists_images, tables), None)
