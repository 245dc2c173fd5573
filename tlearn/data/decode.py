"""The one decoder: the same function turns a file into pixels wherever tlearn reads an image.

Its rules hold for training, evaluation, prediction, calibration and parity alike:

    format          by content, never by extension
    orientation     by EXIF; a broken EXIF block is ignored
    animation       the first frame; of a TIFF the first page, unless it is a preview
    transparency    composited on white, unless all of the image is transparent
    CMYK, LAB, ...  Pillow's conversion to RGB; color profiles are not applied
    more than       by `gray_range`; without it 16-bit gray value / 257, rounded, 16-bit RGB
    8 bits          value / 256, wider integers and floats by their own range
    size            antialiased bilinear; a JPEG of at least four times the target size is first
                    reduced by 2, 4 or 8 while it is decoded, to no less than twice the target
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from tlearn.data.colors import measure_contrast, to_rgb
from tlearn.data.formats import sniff
from tlearn.data.high_depth import (
    GrayRange,
    ValueRange,
    color_to_eight_bit,
    is_high_depth_color,
    read_low_bytes,
)
from tlearn.data.image_info import BROKEN, ImageInfo, Source, read_source
from tlearn.data.opening import check_pixels, ensure_read_here, open_page
from tlearn.data.repair import with_ends, without_metadata
from tlearn.data.squares import draft_size, fit_square
from tlearn.data.tiff_pages import Pages
from tlearn.data.unreadable import UnreadableImageError, damage
from tlearn.storage.digest import digest_of_bytes
from tlearn.storage.regular_file import read_regular

RESIZE_RULES = ("squash", "crop", "pad")
MAX_FILE_BYTES = 500_000_000
"""Larger files are refused before any of their bytes is read."""

_ORIENTATION = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

# What Pillow warns of is reported as a DataIssue. The filters are set once for the process: images
# are decoded in threads, where `warnings.catch_warnings` is not safe.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
logging.getLogger("PIL").addHandler(logging.NullHandler())


class _Loaded(NamedTuple):
    """An image, upright in RGB and perhaps reduced, and what is known of it."""

    rgb: Image.Image
    size: tuple[int, int]
    rotated: bool
    source: Source
    pages: Pages
    values: ValueRange
    alpha_ignored: bool


def decode(
    path: Path, image_size: int, resize: str = "squash", gray_range: GrayRange | None = None
) -> np.ndarray:
    """Decode an image file to a square.

    Args:
        path: File to read.
        image_size: Side of the square, in pixels.
        resize: "squash" (both sides to `image_size`), "crop" (short side to `image_size`, then
            the center) or "pad" (long side to `image_size`, centered on mid-gray).
        gray_range: The values that become 0 and 255 in images of more than 8 bits, one for
            all images of a folder.

    Returns:
        uint8 (image_size, image_size, 3), RGB.

    Raises:
        UnreadableImageError: The file cannot be decoded.
    """
    pixels, info = read_image(path, image_size, resize, gray_range=gray_range)
    if pixels is None:
        raise UnreadableImageError(info.problem)
    return pixels


def read_image(
    path: Path,
    image_size: int,
    resize: str,
    find_stored: Callable[[str, bytes], ImageInfo | None] = lambda digest, data: None,
    gray_range: GrayRange | None = None,
) -> tuple[np.ndarray | None, ImageInfo]:
    """Decode an image file and describe it in one read; a bad file does not raise.

    What is decoded is what the digest is of, also where the file changes meanwhile.

    Args:
        path: File to read.
        image_size: Side of the square, in pixels.
        resize: See `decode`.
        find_stored: Called with the digest and the bytes; what it returns is known of the image,
            which is then not decoded.
        gray_range: See `decode`.

    Returns:
        The pixels as `decode` returns them, or None, and an ImageInfo whose `problem` says why
        there are none.
    """
    if resize not in RESIZE_RULES:
        raise ValueError(f"resize: expected one of {RESIZE_RULES}, got {resize!r}")
    try:
        data = read_regular(path, MAX_FILE_BYTES)
    except OSError as error:
        folder = os.path.isdir(path)
        reason = "a folder, not an image" if folder else f"cannot be read: {error.strerror}"
        return None, ImageInfo("", 0, 0, "", False, reason)
    digest = digest_of_bytes(data)
    if stored := find_stored(digest, data):
        return None, stored
    return _read(data, digest, image_size, resize, gray_range)


def read_bytes(
    data: bytes, image_size: int, resize: str, gray_range: GrayRange | None = None
) -> tuple[np.ndarray | None, ImageInfo]:
    """Decode the bytes of an image file and describe it, as `read_image` does."""
    return _read(data, digest_of_bytes(data), image_size, resize, gray_range)


def _read(
    data: bytes, digest: str, image_size: int, resize: str, gray_range: GrayRange | None
) -> tuple[np.ndarray | None, ImageInfo]:
    format_name = sniff(data[:64])
    try:
        ensure_read_here(data, format_name)
        image = _load_mended(data, format_name, image_size, resize, gray_range)
        square, content = fit_square(image.rgb, image_size, resize)
        pixels = np.array(square)
    except UnreadableImageError as error:
        return None, ImageInfo(digest, 0, 0, "", False, str(error))
    except BROKEN as error:
        return None, ImageInfo(digest, 0, 0, "", False, damage(error, data, format_name))
    contrast, brightest = measure_contrast(content)
    return pixels, ImageInfo(
        digest,
        width=image.size[0],
        height=image.size[1],
        format=format_name,
        rotated=image.rotated,
        size_bytes=len(data),
        pixels=digest_of_bytes(repr(image.size).encode() + pixels.tobytes()),
        **image.source._asdict(),
        **image.pages._asdict(),
        **image.values._asdict(),
        alpha_ignored=image.alpha_ignored,
        contrast=contrast,
        brightest=brightest,
    )


def _load_mended(
    data: bytes, format_name: str, image_size: int, resize: str, gray_range: GrayRange | None
) -> _Loaded:
    """Load an image, without its metadata or its end where these are all that is odd of it."""

    def load(content: bytes) -> _Loaded:
        return _load(content, format_name, image_size, resize, gray_range)

    try:
        return load(data)
    except UnreadableImageError:
        raise
    except BROKEN:
        plain = without_metadata(data, format_name)
        if plain != data:
            with suppress(*BROKEN):
                return load(plain)
        if format_name == "JPEG":
            with suppress(*BROKEN):
                whole, other = map(load, with_ends(plain))
                if whole.rgb.tobytes() == other.rgb.tobytes():
                    return whole
        raise


def is_reduced(data: bytes, image_size: int, resize: str) -> bool:
    """Return whether an image file is a JPEG that is made smaller while it is decoded.

    Args:
        data: The content of a file that `decode` can read.
        image_size: Side of the square.
        resize: One of RESIZE_RULES.
    """
    if sniff(data[:64]) != "JPEG":
        return False
    with suppress(OSError, SyntaxError, ValueError):  # not every file is read without repair
        image, _ = open_page(data, "JPEG")
        whole = image.size
        image.draft("", draft_size(*whole, image_size, resize))
        return image.size != whole
    return False


def _load(
    data: bytes, format_name: str, image_size: int, resize: str, gray_range: GrayRange | None
) -> _Loaded:
    image, pages = open_page(data, format_name)
    width, height = image.size
    # Pillow turns a TIFF upright while loading it, and then reports no orientation.
    turned_by_pillow = format_name == "TIFF" and _orientation(image) != 1
    image.draft("", draft_size(width, height, image_size, resize))
    check_pixels(image, (width, height), data)
    wide = is_high_depth_color(image)
    image.load()
    orientation, source = _orientation(image), read_source(image)
    rgb, values, alpha_ignored = to_rgb(image, gray_range)
    if wide:
        rgb, values = color_to_eight_bit(
            rgb, gray_range, lambda: read_low_bytes(open_page(data, format_name)[0])
        )
    size, rotated = (width, height), turned_by_pillow
    if orientation != 1:
        rgb, rotated = rgb.transpose(_UPRIGHT[orientation]), True
        size = (height, width) if orientation >= 5 else size
    return _Loaded(rgb, size, rotated, source, pages, values, alpha_ignored)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION)
    except BROKEN:
        return 1
    return value if value in _UPRIGHT else 1
