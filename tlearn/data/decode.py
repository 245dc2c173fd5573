"""The one decoder: the same function turns a file into pixels wherever tlearn reads an image.

Its rules hold for training, evaluation, prediction, calibration and parity alike:

    format          by content, never by extension
    orientation     by EXIF; a broken EXIF block is ignored
    animation       the first frame
    transparency    composited on white
    CMYK, LAB, ...  Pillow's conversion to RGB; color profiles are not applied
    16-bit gray     value / 257, rounded; wider integers and floats are scaled by their own range
    size            antialiased bilinear; a JPEG of at least twice the target size is first reduced
                    by 2, 4 or 8 while it is decoded, which depends on its size and the rule alone
"""

from __future__ import annotations

import io
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from tlearn.data.foreign import POINTER, is_pointer
from tlearn.data.formats import sniff
from tlearn.data.image_info import BROKEN, ImageInfo, Source, read_source
from tlearn.storage.digest import digest_of_bytes
from tlearn.storage.regular_file import read_regular

RESIZE_RULES = ("squash", "crop", "pad")
PIXEL_LIMIT = 100_000_000
"""Images with more pixels are refused before any of them is decoded."""

MAX_FILE_BYTES = 500_000_000
"""Larger files are refused before any of their bytes is read."""

# From three times the target on, Pillow first averages whole blocks: on photographs that takes half
# the time of resampling every pixel, and no value differs by more than 2 of 255.
_REDUCING_GAP = 3.0
_PAD_COLOR = (127, 127, 127)
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


class UnreadableImageError(ValueError):
    """A file that cannot be decoded; the message says why."""


def decode(path: Path, image_size: int, resize: str = "squash") -> np.ndarray:
    """Decode an image file to a square.

    Args:
        path: File to read.
        image_size: Side of the square, in pixels.
        resize: "squash" (both sides to `image_size`), "crop" (short side to `image_size`, then
            the center) or "pad" (long side to `image_size`, centered on mid-gray).

    Returns:
        uint8 (image_size, image_size, 3), RGB.

    Raises:
        UnreadableImageError: The file cannot be decoded.
    """
    pixels, info = read_image(path, image_size, resize)
    if pixels is None:
        raise UnreadableImageError(info.problem)
    return pixels


def read_image(
    path: Path,
    image_size: int,
    resize: str,
    find_stored: Callable[[str], ImageInfo | None] = lambda digest: None,
) -> tuple[np.ndarray | None, ImageInfo]:
    """Decode an image file and describe it in one read; a bad file does not raise.

    What is decoded is what the digest is of, also where the file changes meanwhile.

    Args:
        path: File to read.
        image_size: Side of the square, in pixels.
        resize: See `decode`.
        find_stored: Called with the digest; what it returns is known of the image, which is then
            not decoded.

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
    if stored := find_stored(digest):
        return None, stored
    try:
        format_name = _format(data)
        image, size, rotated, source = _load(data, format_name, image_size, resize)
        pixels = np.array(_fit(image, image_size, resize))
    except UnreadableImageError as error:
        return None, ImageInfo(digest, 0, 0, "", False, str(error))
    except BROKEN as error:
        return None, ImageInfo(digest, 0, 0, "", False, _damage(error))
    looks = digest_of_bytes(repr(size).encode() + pixels.tobytes())
    return pixels, ImageInfo(digest, *size, format_name, rotated, None, len(data), looks, *source)


def _format(data: bytes) -> str:
    """Return the format by content, if this Pillow can open it."""
    format_name = sniff(data[:64])
    if not format_name:
        raise UnreadableImageError(_not_an_image(data))
    if format_name in ("HEIF", "AVIF"):
        Image.init()
        if format_name not in Image.OPEN:
            name = "HEIC" if format_name == "HEIF" else format_name
            raise UnreadableImageError(f"{name} cannot be read here: save it as JPEG or PNG")
    return format_name


def _load(
    data: bytes, format_name: str, image_size: int, resize: str
) -> tuple[Image.Image, tuple[int, int], bool, Source]:
    """Return the first frame, upright in RGB, its full size, if EXIF rotates it, its source."""
    image = Image.open(io.BytesIO(data), formats=[format_name])
    width, height = image.size
    if width * height > PIXEL_LIMIT:
        limit = PIXEL_LIMIT // 1_000_000
        raise UnreadableImageError(f"{width} x {height} pixels, more than {limit} million")
    # Pillow turns a TIFF upright while loading it, and then reports no orientation.
    turned_by_pillow = format_name == "TIFF" and _orientation(image) != 1
    image.draft("", _draft_size(width, height, image_size, resize))
    image.load()
    orientation, source = _orientation(image), read_source(image)
    rgb = _rgb(image)
    if orientation == 1:
        return rgb, (width, height), turned_by_pillow, source
    upright = (height, width) if orientation >= 5 else (width, height)
    return rgb.transpose(_UPRIGHT[orientation]), upright, True, source


def _draft_size(width: int, height: int, image_size: int, resize: str) -> tuple[int, int]:
    """Return the smallest size to decode a JPEG at without enlarging it afterwards."""
    if resize == "squash":
        return image_size, image_size
    side = min(width, height) if resize == "crop" else max(width, height)
    return -(-width * image_size // side), -(-height * image_size // side)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION)
    except BROKEN:
        return 1
    return value if value in _UPRIGHT else 1


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return Image.fromarray(_eight_bit(np.asarray(image))).convert("RGB")
    if not image.has_transparency_data:
        return image.convert("RGB")
    colored = image.convert("RGBA")
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(colored, mask=colored.getchannel("A"))
    return canvas


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """Convert gray values of more than 8 bits to uint8."""
    if values.dtype.kind in "iu" and values.min() >= 0 and values.max() <= 65535:
        return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)
    finite = values[np.isfinite(values)].astype(float)
    if not finite.size or finite.min() == finite.max():
        return np.zeros(values.shape, np.uint8)
    low, high = finite.min(), finite.max()
    clean = np.nan_to_num(values.astype(float), nan=low, posinf=high, neginf=low)
    return np.rint((clean - low) / (high - low) * 255).astype(np.uint8)


def _fit(image: Image.Image, image_size: int, resize: str) -> Image.Image:
    width, height = image.size
    bilinear = Image.Resampling.BILINEAR
    target = (image_size, image_size)
    if resize == "pad":
        scale = image_size / max(image.size)
        inner = (max(1, round(width * scale)), max(1, round(height * scale)))
        canvas = Image.new("RGB", target, _PAD_COLOR)
        corner = ((image_size - inner[0]) // 2, (image_size - inner[1]) // 2)
        canvas.paste(image.resize(inner, bilinear, reducing_gap=_REDUCING_GAP), corner)
        return canvas
    side = (min(image.size),) * 2 if resize == "crop" else image.size
    left, top = (width - side[0]) / 2, (height - side[1]) / 2
    box = (left, top, left + side[0], top + side[1])
    return image.resize(target, bilinear, box, _REDUCING_GAP)


def _not_an_image(data: bytes) -> str:
    """Say what a file is that is not an image."""
    start = data[:1024].lower()
    if not data:
        return "the file is empty (0 bytes)"
    if b"<html" in start or b"<!doctype html" in start:
        return "a web page, not an image"
    if b"<svg" in start:
        return "an SVG drawing: save it as PNG"
    if start.startswith(b"%pdf"):
        return "a PDF document: save its pages as PNG"
    if is_pointer(data):
        return POINTER
    # A multi-byte character may be cut off at the end.
    text = start.decode("utf-8", "replace").rstrip("\ufffd")
    if "\ufffd" not in text and all(c.isprintable() or c.isspace() for c in text):
        return "a text file, not an image"
    return "not an image, or in a format that cannot be read here: save it as JPEG or PNG"


def _damage(error: Exception) -> str:
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"more than {PIXEL_LIMIT // 1_000_000} million pixels"
    if isinstance(error, UnidentifiedImageError):
        return "damaged: its header cannot be read"
    if isinstance(error, EOFError) or "truncated" in str(error).lower():
        return "truncated: the file ends before the image does"
    return f"damaged: {error}"
