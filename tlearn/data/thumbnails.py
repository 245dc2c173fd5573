"""Small images of a folder, by which its near-copies are found, kept on disk.

Memory holds a block of them: of many images, they would be the largest thing in it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from tlearn.data.copy_alignment import shrunk
from tlearn.data.copy_candidates import SIDE
from tlearn.data.pixel_store import PixelStore, bounded_map
from tlearn.storage.row_table import RowTable

_VERSION = 1
"""Increased whenever thumbnails change, so that stored ones are not reused."""

_BLOCK = 256
_MOST_BORDER = 8
"""Of a thumbnail's sides, in pixels: a frame of 10 % around an image, and a pixel half in it."""

_COLORS = 16

_THUMBNAIL = 64


class Thumbnails:
    """Small images, gray (64, 64) and RGB (16, 16, 3), kept on disk beside the pixels.

    Args:
        store: The decoded images.
        files: Digest of each of n images.
    """

    def __init__(self, store: PixelStore, files: Sequence[str]) -> None:
        pixels = store.table.folder
        folder = pixels.with_name(f"{pixels.name}-thumbnails-v{_VERSION}")
        self._table = RowTable(folder, (_THUMBNAIL**2 + 3 * _COLORS**2,), "uint8")
        self._files = files
        missing = self._table.missing(files)
        for at in range(0, len(missing), _BLOCK):
            block = missing[at : at + _BLOCK]
            self._table.append(block, np.stack([*bounded_map(_thumbnails, [*store.read(block)])]))

    def __len__(self) -> int:
        return len(self._files)

    def gray(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 (m, 64, 64)."""
        rows = self._table.read([self._files[image] for image in images], slice(0, _THUMBNAIL**2))
        return rows.reshape(-1, _THUMBNAIL, _THUMBNAIL)

    def colors(self, images: np.ndarray) -> np.ndarray:
        """Return uint8 (m, 16, 16, 3)."""
        rest = slice(_THUMBNAIL**2, None)
        rows = self._table.read([self._files[image] for image in images], rest)
        return rows.reshape(-1, _COLORS, _COLORS, 3)

    def coarse(self) -> np.ndarray:
        """Return uint8 (n, 32, 32), gray."""
        n = len(self)
        small = np.empty((n, SIDE, SIDE), np.uint8)
        for at in range(0, n, _BLOCK):
            gray = self.gray(np.arange(at, min(at + _BLOCK, n)))
            small[at : at + _BLOCK] = np.rint(shrunk(gray, SIDE))
        return small


def _thumbnails(pixels: np.ndarray) -> np.ndarray:
    """Return both small images of one image end to end, without a border of one color."""
    image = Image.fromarray(pixels)
    gray = image.convert("L")
    size, triangle = (_THUMBNAIL, _THUMBNAIL), Image.Resampling.BILINEAR
    small = gray.resize(size, triangle)
    lines = np.asarray(small, np.float32)
    inset = [_border(side) for side in (lines.T, lines, lines[:, ::-1].T, lines[::-1])]
    left, top, right, bottom = (width * gray.width / _THUMBNAIL for width in inset)
    box = (left, top, gray.width - right, gray.height - bottom)
    if any(inset):
        small = gray.resize(size, triangle, box)
    colors = image.resize((_COLORS, _COLORS), triangle, box, reducing_gap=1.5)
    return np.concatenate([np.asarray(small).ravel(), np.asarray(colors).ravel()])


def _border(lines: np.ndarray) -> int:
    """Return how many of the first lines are a border: all of one gray, that of the first."""
    edge = lines[:_MOST_BORDER]
    plain = (edge.std(1) < 5) & (abs(edge.mean(1) - edge[0].mean()) < 10)
    width = int(plain.argmin()) if not plain.all() else _MOST_BORDER
    return min(width + 1, _MOST_BORDER) if width else 0  # the line half in it goes too
