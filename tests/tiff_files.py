"""TIFF files with any tags, also those that Pillow does not write."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_tiff(
    path: Path,
    size: tuple[int, int],
    bits: Sequence[int],
    data: bytes,
    order: str = "<",
    tags: Mapping[int, int] | None = None,
) -> None:
    """Write one uncompressed page; `tags` are added, or replace those that describe it."""
    width, height = size
    words = {256: width, 257: height, 258: bits[0], 259: 1, 262: 1, 277: len(bits), 278: height}
    words |= tags or {}
    longs = {273: 0, 279: len(data)}
    start = 8 + 2 + 12 * (len(words) + len(longs)) + 4
    several = len(bits) > 2  # more than fit into the entry
    longs[273] = start + (2 * len(bits) if several else 0)
    entries = []
    for tag, value in sorted((words | longs).items()):
        if tag == 258 and several:
            entries.append(struct.pack(order + "HHII", tag, 3, len(bits), start))
        elif tag in longs:
            entries.append(struct.pack(order + "HHII", tag, 4, 1, value))
        else:
            entries.append(struct.pack(order + "HHIHH", tag, 3, 1, value, 0))
    header = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    depths = struct.pack(f"{order}{len(bits)}H", *bits) if several else b""
    path.write_bytes(header + b"".join(entries) + bytes(4) + depths + data)
