"""Image formats, recognized by a file's first bytes or by its extension."""

from __future__ import annotations

import re

# First bytes and extensions. Text may begin with "BM" or "P1": these two formats need more bytes.
_FORMATS = {
    "JPEG": (rb"\xff\xd8\xff", ".jpg .jpeg .jpe .jfif"),
    "PNG": (rb"\x89PNG\r\n\x1a\n", ".png"),
    "GIF": (rb"GIF8[79]a", ".gif"),
    "WEBP": (rb"RIFF.{4}WEBP", ".webp"),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", ".tif .tiff"),
    "BMP": (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", ".bmp"),
    "PPM": (rb"P[1-6]\s+[0-9#]", ".ppm .pgm"),
    "AVIF": (rb".{4}ftypavi[fs]", ".avif"),
    "HEIF": (rb".{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", ".heic .heif"),
}
EXTENSIONS = {end: name for name, (_, ends) in _FORMATS.items() for end in ends.split()}
"""Extensions, with the format that each one stands for."""


def sniff(head: bytes) -> str:
    """Recognize an image format by the first bytes of a file.

    Args:
        head: The first 32 bytes, or more.

    Returns:
        The format as Pillow names it, such as "JPEG"; "" if it is none.
    """
    matches = (name for name, (magic, _) in _FORMATS.items() if re.match(magic, head, re.S))
    return next(matches, "")
