"""Images of more than 8 bits, and the range of values that a folder of them uses.

One range holds for the whole folder, never one for each image: how bright an image is may be what
tells the classes apart, as in fluorescence.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from tlearn.data.image_info import ImageInfo

GrayRange = tuple[float, float]
"""The values that become 0 and 255."""

_SIXTEEN_BITS = 65535
_NO_DATA_TAG, _NO_DATA = 42113, 1e30
"""Floats that stand for a pixel without a value, as -3.4e38 does, are larger."""

# What makes Pillow take the other byte of two.
_OTHER_BYTES = {"RGB;16L": "RGB;16B", "RGB;16B": "RGB;16L"}
_OTHER_BYTES["RGB;16N"] = "RGB;16B" if sys.byteorder == "little" else "RGB;16L"


class ValueRange(NamedTuple):
    """The values of one image of more than 8 bits; the fields are those of `ImageInfo`."""

    depth: str
    low: float
    high: float


def is_high_depth(image: Image.Image) -> bool:
    """Return whether an image has one channel of more than 8 bits."""
    return image.mode.startswith("I") or image.mode == "F"


def to_eight_bit(
    image: Image.Image, gray_range: GrayRange | None, white_is_zero: bool
) -> tuple[Image.Image, ValueRange]:
    """Convert gray values of more than 8 bits to 8.

    Args:
        image: One for which `is_high_depth` holds.
        gray_range: The values that become 0 and 255; without any, whole numbers from 0 to 65535
            keep their place, and others are scaled by the range of this image.
        white_is_zero: Whether small values are bright.

    Returns:
        The image in mode L, and its range of values.
    """
    values = np.asarray(image)
    finite = values[values != _no_data_value(image)]
    if values.dtype.kind == "f":
        finite = finite[np.abs(finite) < _NO_DATA]  # which is false of NaN
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    found = ValueRange("float" if values.dtype.kind == "f" else "integer", low, high)
    if gray_range is None:
        whole = found.depth == "integer" and low >= 0 and high <= _SIXTEEN_BITS
        gray_range = (0, _SIXTEEN_BITS) if whole else (low, high)
    if found.depth == "integer" and low >= 0 and high <= _SIXTEEN_BITS:
        scaled = _scaled_by_table(values, gray_range)
    else:
        scaled = _scaled(values, gray_range)
    return Image.fromarray(255 - scaled if white_is_zero else scaled), found


def _no_data_value(image: Image.Image) -> float | None:
    """Return the value that stands for a pixel without one, as GDAL writes it into a TIFF."""
    written = getattr(image, "tag_v2", {}).get(_NO_DATA_TAG)
    try:
        return float(str(written).strip("\0 "))
    except ValueError:
        return None


def is_high_depth_color(image: Any) -> bool:
    """Return whether an image that is not loaded yet has RGB of 16 bits."""
    return bool(getattr(image, "tile", ())) and _raw_mode(image) in _OTHER_BYTES


def read_low_bytes(image: Any) -> np.ndarray:
    """Return the low bytes of 16-bit RGB, of which Pillow gives the high ones.

    Args:
        image: One for which `is_high_depth_color` holds, not loaded yet.
    """
    other = _OTHER_BYTES[_raw_mode(image)]
    image.tile = [
        tile._replace(args=other if isinstance(tile.args, str) else (other, *tile.args[1:]))
        for tile in image.tile
    ]
    return np.asarray(image)


def color_to_eight_bit(
    image: Image.Image, gray_range: GrayRange | None, low_bytes: Callable[[], np.ndarray]
) -> tuple[Image.Image, ValueRange]:
    """Convert RGB of 16 bits to 8, as `to_eight_bit` does with gray.

    Args:
        image: The high bytes, as Pillow gives them, which are the result where there is no range.
        gray_range: The values that become 0 and 255.
        low_bytes: Returns the others; called where there is a range.

    Returns:
        The image in RGB, and its range of values, up to 255 too wide.
    """
    high = np.asarray(image)
    found = ValueRange("integer", 256.0 * int(high.min()), 256.0 * int(high.max()) + 255)
    if gray_range is None:
        return image, found
    values = high.astype(np.uint16) << 8 | low_bytes()
    return Image.fromarray(_scaled_by_table(values, gray_range)), found


def _raw_mode(image: Any) -> str:
    arguments = image.tile[0].args
    return arguments if isinstance(arguments, str) else str(arguments[0])


def _scaled_by_table(values: np.ndarray, gray_range: GrayRange) -> np.ndarray:
    return _scaled(np.arange(_SIXTEEN_BITS + 1), gray_range)[values]


def _scaled(values: np.ndarray, gray_range: GrayRange) -> np.ndarray:
    low, high = gray_range
    if low >= high:
        return np.zeros(values.shape, np.uint8)
    if values.dtype.kind == "f":
        values = np.nan_to_num(values.astype(float), nan=low, posinf=high, neginf=low)
    shares = (values.clip(low, high) - low) / (high - low)
    return np.rint(shares * 255).astype(np.uint8)


def folder_range(infos: Sequence[ImageInfo]) -> GrayRange | None:
    """Return the range that the images of a folder use; None leaves each at its own.

    Whole numbers from 0 on count as so many bits as the largest of them needs: with none above
    4095, the range is that of 12 bits. Others go from the smallest value to the largest.

    Args:
        infos: What is known of the images.
    """
    ranges = {
        depth: [(info.low, info.high) for info in infos if info.depth == depth]
        for depth in ("integer", "float")
    }
    if bool(ranges["integer"]) == bool(ranges["float"]):
        return None  # no such images, or two kinds that have no scale in common
    lows, highs = zip(*(ranges["integer"] or ranges["float"]), strict=True)
    low, high = min(lows), max(highs)
    if ranges["float"] or low < 0:
        return (low, high) if low < high else None
    bits = int(high).bit_length()
    return (0.0, float(2**bits - 1)) if bits not in (0, 16) else None


def range_name(gray_range: GrayRange | None) -> str:
    """Return what a range adds to the name of a rule; nothing where there is none."""
    return "" if gray_range is None else f"-gray_{format_range(gray_range)}"


def format_range(gray_range: GrayRange) -> str:
    """Return a range as recipes have it: "0,4095"."""
    return ",".join(repr(value).removesuffix(".0") for value in map(float, gray_range))


def parse_range(text: str) -> GrayRange:
    """Read what `format_range` wrote.

    Raises:
        ValueError: It is no range.
    """
    low, high = map(float, text.split(","))
    if not low < high:
        raise ValueError(f"{text!r} is no range")
    return low, high
