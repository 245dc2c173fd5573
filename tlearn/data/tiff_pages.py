"""Which page of a TIFF is the image: the first one, unless it is a preview of another."""

from __future__ import annotations

from typing import NamedTuple

from PIL import Image, TiffImagePlugin

from tlearn.data.image_info import BROKEN
from tlearn.data.unreadable import RAW, UnreadableImageError, is_sensor_data

_KIND, _MAKE, _SUB_PAGES = 254, 271, 330
_REDUCED, _MASK = 1, 4
# Pillow reads this of the other byte order only.
TiffImagePlugin.OPEN_INFO.setdefault(
    (TiffImagePlugin.MM, 0, (1,), 1, (16,), ()), ("I;16B", "I;16B")
)

_MOST_PAGES = 1000
"""Of those that are looked at."""


class Pages(NamedTuple):
    """The pages of an image; the fields are those of `ImageInfo`."""

    page: int = 1
    pages: int = 1


def choose_page(image: TiffImagePlugin.TiffImageFile) -> Pages:
    """Turn to the page to read, which is the largest where the first one is a preview.

    Args:
        image: As Pillow opened it.

    Raises:
        UnreadableImageError: It is a RAW file of a camera, and all that can be read of it is a
            preview.
    """
    first = _kind(image)
    raw = is_sensor_data(image.tag_v2) or (
        first & _REDUCED and _MAKE in image.tag_v2 and _SUB_PAGES in image.tag_v2
    )
    kinds, areas = [first], [_area(image)]
    for number in range(1, _MOST_PAGES):
        try:
            image.seek(number)
        except EOFError:
            break
        except BROKEN:  # not of a kind that Pillow reads, or damaged
            kinds.append(_MASK)
            areas.append(0)
        else:
            kinds.append(_kind(image))
            areas.append(_area(image))
    whole = [number for number, kind in enumerate(kinds) if not kind & (_REDUCED | _MASK)]
    if raw and not whole:
        raise UnreadableImageError(RAW)
    best = 0
    if first & _REDUCED:
        best = max(whole or range(len(areas)), key=areas.__getitem__)
    image.seek(best)
    return Pages(best + 1, max(1, len(whole)))


def _kind(image: TiffImagePlugin.TiffImageFile) -> int:
    kind = image.tag_v2.get(_KIND, 0)
    return kind if isinstance(kind, int) else 0


def _area(image: Image.Image) -> int:
    return image.width * image.height
