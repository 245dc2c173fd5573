"""Masks, boxes and other files that go with images and are not images of a class."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from tlearn.data.notes import FolderNote, Row, listed

_IMAGES = {"images", "image", "imgs", "img", "jpegimages", "pngimages", "pictures", "photos"}
_IMAGES |= {"pics", "rgb", "leftimg8bit", "rawimages", "originalimages", "inputimages"}
_IMAGES |= {"input", "inputs"}
_MASKS = {"masks", "annotations", "annotation", "annots", "segmentation", "segmentations"}
_MASKS |= {"segmentationclass", "segmentationobject", "segmentationmasks", "segmasks"}
_MASKS |= {"maskimages", "imagemasks", "labelmasks", "lungmasks", "groundtruth", "groundtruths"}
_MASKS |= {"gtfine", "gtcoarse", "trimaps", "boundingboxes", "bboxes"}
_OTHERS = {*_MASKS, "labels", "label", "mask", "annot", "ann", "anns", "gt", "gts", "boxes"}
_OTHERS |= {
    "lbl",
    "lbls",
    "depth",
    "depths",
    "depthmaps",
    "disparity",
    "segmented",
    "overlays",
    "heatmaps",
    "target",
    "targets",
    "output",
    "outputs",
}
_PART = re.compile(r"^(?:train|training|val|valid|test)|(?:train|val|test|tr|ts|dir|folder)$")
_MASK_FILE = re.compile(
    r"(.+?)[ _-](?:mask|segmentation|seg|gt|groundtruth)(?:[ _-]?\d{1,2})?", re.I
)
_FEWEST = 3


def holds_images(name: str) -> bool:
    """Return whether a folder is called as the images of a pair are, such as "JPEGImages"."""
    return _key(name) in _IMAGES


def goes_with_images(name: str) -> bool:
    """Return whether a folder is called as what goes with images is, such as "masks"."""
    return _key(name) in _OTHERS


def is_never_class(name: str) -> bool:
    """Return whether a folder is by its name of masks or labels, and hardly a class."""
    return _key(name) in _MASKS


def _key(name: str) -> str:
    short = re.sub(r"[\W_]", "", name.rpartition("/")[2].casefold())
    return re.sub(r"\d+$", "", _PART.sub("", short)) or short  # train_masks, label_2


def is_pair(folders: Iterable[str]) -> bool:
    """Return whether folders that stand side by side are images and what goes with them."""
    names = [*folders]
    return any(map(holds_images, names)) and any(map(goes_with_images, names))


def without_companions(rows: Sequence[Row]) -> tuple[list[Row], tuple[FolderNote, ...]]:
    """Leave out masks: folders beside `images` in a class, and files such as `7_mask.png`.

    Args:
        rows: Images, each below the folder of its class.
    """
    below: dict[PurePosixPath, set[str]] = defaultdict(set)
    stems: dict[PurePosixPath, set[str]] = defaultdict(set)
    paths = [PurePosixPath(row.name) for row in rows]
    for path in paths:
        stems[path.parent].add(path.stem)
        for above in list(path.parents)[:-1]:
            below[above.parent].add(above.name)
    dropped: dict[str, str] = {}  # of each image, the folder or file that tells
    for row, path in zip(rows, paths, strict=True):
        for above in list(path.parents)[:-1]:
            is_class = above.name == row.class_name
            if not is_class and goes_with_images(above.name) and is_pair(below[above.parent]):
                dropped[row.name] = str(above)
    masks = []
    for path in paths:
        match = _MASK_FILE.fullmatch(path.stem)
        if match and match[1] in stems[path.parent] and str(path) not in dropped:
            masks.append(str(path))
    dropped |= {name: name for name in masks} if len(masks) >= _FEWEST else {}
    if not dropped:
        return [*rows], ()
    places = tuple(dict.fromkeys(dropped.values()))
    are = "1 image is" if len(dropped) == 1 else f"{len(dropped):,} images are"
    message = (
        f"{are} left out because by their names they are masks or labels of others, not images "
        f"of a class: {listed(places)}. Rename them if they are images to train on."
    )
    note = FolderNote("companions", "warning", message, places)
    return [row for row in rows if row.name not in dropped], (note,)
