"""Which column of a table names the image, and which its class: by name, or else by content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

from tlearn.data.formats import EXTENSIONS

_SURE = {"file": "path", "filename": "path", "image": "path", "class": "label"}
_SURE |= {"part": "split", "partition": "split", "subset": "split"}
_SURE |= {"group": "group", "group_id": "group", "patient": "group", "patient_id": "group"}
_SURE |= {"subject": "group", "subject_id": "group"}
_SURE |= {"set": "split", "path": "path", "label": "label", "split": "split"}

_PATHS = (
    *("imagepath", "imgpath", "filepath", "imagefile", "imagefilename", "imagename", "imgname"),
    *("filenames", "img", "images", "fname", "picture", "photo", "pic", "uri", "url", "imageurl"),
    *("imageid", "imgid", "imageindex", "idcode", "id", "name", "uuid"),
)
_LABELS = (
    *("labels", "classname", "classlabel", "labelname", "category", "categoryname", "categories"),
    *("target", "targets", "species", "diagnosis", "dx", "findinglabels", "breed", "variety"),
    *("disease", "cultivar", "type", "kind", "tag", "tags", "genus", "groundtruth", "gt", "y"),
    *("classid", "labelid", "categoryid", "targetid", "attributeids", "classes"),
)
_ENDS = ("id", "file", "filename", "image", "path")
"""What the name of a column of images may end with: "GalaxyID"."""

_BOXES = (
    {"xmin", "ymin", "xmax", "ymax"},
    {"x1", "y1", "x2", "y2"},
    {"x", "y", "width", "height"},
    {"roix1", "roiy1"},
    {"bboxx1", "bboxy1"},
    {"bbox"},
    {"boundingbox"},
    {"encodedpixels"},
    {"predictionstring"},
    {"segmentation"},
    {"rle"},
)
_LEAST = 0.9
"""Share of a column's cells that must look like names of image files."""


def plain(column: str) -> str:
    """Return a column's name without case, spaces and punctuation."""
    return re.sub(r"[\W_]", "", column.casefold())


def sure_columns(header: Sequence[str]) -> list[str]:
    """Return for every column its meaning, "" where the name tells none."""
    return [_SURE.get(cell.strip().lower(), "") for cell in header]


def guess_columns(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return for every column its meaning, guessed where the name is none of the usual ones.

    Args:
        header: Names of the columns.
        rows: Some rows below it.
    """
    meanings = sure_columns(header)
    names = [plain(cell) for cell in header]
    for meaning, known in (("path", _PATHS), ("label", _LABELS)):
        if meaning not in meanings:
            free = [name for name, given in zip(names, meanings, strict=True) if not given]
            if found := next((name for name in known if name in free), ""):
                meanings[names.index(found)] = meaning
    if "path" not in meanings:
        ids = [n for n, name in enumerate(names) if not meanings[n] and name.endswith(_ENDS)]
        files = [n for n, given in enumerate(meanings) if not given and _are_files(_cells(rows, n))]
        for column in files if len(files) == 1 else ids[:1]:
            meanings[column] = "path"
    left = [n for n, given in enumerate(meanings) if not given and names[n]]
    if "path" in meanings and "label" not in meanings and len(left) == 1:
        meanings[left[0]] = "label"
    return meanings


def has_boxes(header: Sequence[str]) -> bool:
    """Return whether columns are of boxes or outlines in images."""
    names = {plain(cell) for cell in header}
    return any(boxes <= names for boxes in _BOXES)


def _cells(rows: Sequence[Sequence[str]], column: int) -> list[str]:
    return [row[column].strip() for row in rows if len(row) > column and row[column].strip()]


def _are_files(cells: Sequence[str]) -> bool:
    return sum(map(looks_like_image, cells)) >= max(1, _LEAST * len(cells))


def looks_like_image(cell: str) -> bool:
    """Return whether a cell ends as the name of an image file does."""
    return PurePosixPath(cell.strip()).suffix.lower() in EXTENSIONS
