"""Sound images that Pillow refuses: bytes beside the image that are odd, or an end that is missing.

Metadata is dropped, not judged. A JPEG without its end marker is whole if all of its rows are
there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_END = b"\xff\xd9"
# A JPEG is whole if other bits after its last ones change nothing.
_OTHER_BITS = bytes(range(17, 250, 3))
_APPLICATION = {*range(0xE0, 0xF0), 0xFE}
_ABOUT_PIXELS = (b"JFIF", b"Exif", b"Adobe")
"""What the segments of applications begin with that are kept: one says how it is turned, say."""

_TABLES = re.compile(rb"\xff[\xdb\xc4\xdd\xc0-\xc3\xc5-\xc7\xc9-\xcb\xcd-\xcf\xda\xe0-\xef\xfe]")
_KEPT_IN_PNG = {b"tRNS", b"acTL", b"fcTL", b"fdAT"}
"""Chunks that are about pixels, beside those whose names begin with a capital letter."""


def without_metadata(data: bytes, format_name: str) -> bytes:
    """Return an image without what is no part of its pixels; other formats stay as they are."""
    if format_name == "PNG":
        return data[:8] + b"".join(_png_chunks(data))
    if format_name == "JPEG":
        return b"\xff\xd8" + b"".join(_jpeg_segments(data))
    if format_name == "WEBP":  # its first length field
        return data[:4] + (len(data) - 8).to_bytes(4, "little") + data[8:]
    return data


def with_ends(jpeg: bytes) -> tuple[bytes, bytes]:
    """Return a JPEG with an end marker, and with other bits in front of that marker."""
    body = jpeg.rstrip(b"\xff")
    return body + _END, body + _OTHER_BITS + _END


def n_interleaved(jpeg: bytes) -> int:
    """Return how many components the first scan of a JPEG has; 0 if there is none."""
    scan = next((part for part in _jpeg_segments(jpeg) if part[1] == 0xDA), b"")
    return scan[4] if len(scan) > 4 else 0


def _png_chunks(data: bytes) -> Iterator[bytes]:
    place = 8
    while len(data) - place >= 8:
        length, name = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        end = place + 12 + length
        if name[:1].isupper() or name in _KEPT_IN_PNG:
            yield data[place:end]
        place = end


def _jpeg_segments(data: bytes) -> Iterator[bytes]:
    """Yield the segments that are about pixels up to the first scan, and then the rest."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF or data[place + 1] == 0xFF:
            place += 1
            continue
        marker = data[place + 1]
        end = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == 0xDA:
            yield data[place:]
            return
        wrong = data[end : end + 1] != b"\xff"
        if marker not in _APPLICATION:
            yield data[place:end]
        elif wrong:  # in length: find what follows
            end = _next_segment(data, place + 4)
        elif data.startswith(_ABOUT_PIXELS, place + 4):
            yield data[place:end]
        place = end


def _next_segment(data: bytes, start: int) -> int:
    """Return where a segment begins after which another one follows."""
    for found in _TABLES.finditer(data, start):
        length = int.from_bytes(data[found.end() : found.end() + 2], "big")
        after = found.end() + length
        if length > 2 and data[after : after + 1] == b"\xff" and data[after + 1] not in (0, 0xFF):
            return found.start()
        if found[0] == b"\xff\xda" and 6 <= length <= 14:
            return found.start()
    return len(data)
