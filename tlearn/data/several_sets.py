"""A folder around several data sets, or around several renditions of one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tlearn.data.notes import listed
from tlearn.data.parts import split_of
from tlearn.data.walk import Walk
from tlearn.errors import DataError, quoted

_RENDITION = re.compile(
    r"raw|orig(inal)?s?|augment(ed|ation)?|aug|processed|preprocessed|resized|cropped|segmented"
    r"|enhanced|filtered|normalized|denoised|balanced|imbalanced|unbalanced|cleaned"
    r"|colou?red|colou?r|gr[ae]y(scale)?|rgb|hsv|bw|backgroundremoved|withoutbackground"
    r"|lowres|highres|\d{2,4}x\d{2,4}|\d{2,4}px|v\d+"
    r"|(fold|batch|shard|chunk|run|trial|version|release|part|split|set|session|archive|download|export|source|site)\d+|\d*fold"
)
_NOISE = re.compile(r"[\W_]|images?|imgs?|data(set)?s?(?=$|\d|v\d)|leaves|photos?")


def refuse_several_data_sets(peek: Walk, inner: Mapping[str, Sequence[str]]) -> None:
    """Refuse a folder whose subfolders are image folders with classes of their own.

    Args:
        peek: At the folder.
        inner: Of each of its subfolders with images, the names of the class folders in it.

    Raises:
        DataError: Each data set can be named instead, as the hint says.
    """
    root = peek.root
    with_parts = [
        name
        for name, children in inner.items()
        if any(
            split_of(child) == "train" and peek.class_folders(f"{name}/{child}")
            for child in children
        )
    ]
    alike = [name for name, children in inner.items() if len(children) > 1]
    if with_parts and len(inner) > 1:
        where = f"each with a train folder: {listed(with_parts)}"
        if len(with_parts) < len(inner):
            where = f"for {listed(with_parts)} has a train folder of its own"
    elif len(alike) > 1 and len(alike) == len(inner) and all(map(_is_rendition, inner)):
        where = f"by the names of its folders: {listed(inner)}"
    else:
        return
    meant = (with_parts or alike)[0]
    raise DataError(
        f"{quoted(root)} holds more than one data set, {where}",
        f"name one of them: tlearn suggest {quoted(root / meant)}",
    )


def _is_rendition(name: str) -> bool:
    """Return whether a folder's name tells of a version of a data set, not of a class."""
    short = re.sub(r"[\W_]", "", name.casefold())
    plain = _NOISE.sub("", name.casefold())
    is_set = bool(re.fullmatch(r".*(dataset|data|images)s?(v?\d+)?|(dataset|data)\w*", short))
    return is_set or bool(_RENDITION.fullmatch(plain))
