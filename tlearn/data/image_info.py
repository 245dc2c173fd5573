"""What is known of an image file once it was read."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image

from tlearn.storage.digest import digest_of_bytes

_MAKE, _MODEL, _DATE = 0x010F, 0x0110, 0x0132
_EXIF, _TAKEN = 0x8769, 0x9003

BROKEN = (
    *(OSError, EOFError, SyntaxError, AssertionError, ValueError, TypeError),
    *(LookupError, AttributeError, ArithmeticError, RuntimeError, struct.error, zlib.error),
    *(Image.DecompressionBombError, Image.DecompressionBombWarning),
)
"""What Pillow's parsers raise for broken content."""


@dataclass(frozen=True)
class ImageInfo:
    """What is known of an image file once it was read.

    Attributes:
        sha256: Digest of the file's bytes; "" if they could not be read.
        width: Pixels, once upright; 0 if unreadable.
        height: Pixels, once upright; 0 if unreadable.
        format: By content, such as "JPEG"; "" if unreadable.
        rotated: Whether EXIF asks for a rotation or a flip.
        problem: Why the file cannot be decoded; None if it can.
        size_bytes: Size of the file.
        pixels: Digest of size and square pixels, the same for files that look the same; "" if
            unreadable.
        camera: Maker and model by EXIF; "" if it has none.
        taken: Date and time by EXIF, "2024:05:17 10:30:00"; "" if it has none.
        quantization: Digest of a JPEG's quantization tables, the mark of the program that saved
            it; "" for other formats.
        page: Which page of a TIFF was read, from 1; see `tiff_pages`.
        pages: How many there are, not counting previews; also frames of an animation.
        depth: "integer" or "float" for gray of more than 8 bits; "" for 8 bits.
        low: The smallest value of such an image.
        high: The largest.
        alpha_ignored: Whether all of it is transparent by its alpha channel, which was left aside.
        contrast: Standard deviation of its colors, that of the channel where it is largest.
        brightest: The largest value of any channel.
    """

    sha256: str
    width: int
    height: int
    format: str
    rotated: bool
    problem: str | None = None
    size_bytes: int = 0
    pixels: str = ""
    camera: str = ""
    taken: str = ""
    quantization: str = ""
    page: int = 1
    pages: int = 1
    depth: str = ""
    low: float = 0.0
    high: float = 0.0
    alpha_ignored: bool = False
    contrast: float = 255.0
    brightest: int = 255


class Source(NamedTuple):
    """Where an image comes from; the fields are those of `ImageInfo`."""

    camera: str
    taken: str
    quantization: str


def read_source(image: Image.Image) -> Source:
    """Read camera and date from EXIF, and a JPEG's tables; what is broken counts as missing.

    Args:
        image: As Pillow opened it, not converted.
    """
    try:
        exif = image.getexif()
        taken = exif.get_ifd(_EXIF).get(_TAKEN) or exif.get(_DATE)
        camera = " ".join(filter(None, map(_text, (exif.get(_MAKE), exif.get(_MODEL)))))
    except BROKEN:
        camera, taken = "", None
    tables = getattr(image, "quantization", None)
    return Source(camera, _text(taken), digest_of_bytes(repr(tables).encode()) if tables else "")


def _text(value: object) -> str:
    """Return a text of EXIF, which may be anything in a broken one, in at most 100 characters."""
    return value.strip("\0 ")[:100] if isinstance(value, str) else ""
