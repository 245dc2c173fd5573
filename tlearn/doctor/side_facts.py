"""What an image shows besides its subject: facts of the file, border, brightness, marks, color.

Numbers that a linear head can be solved on. A head sees only what grows or falls, so numbers are
given once more as bins of equal counts, of which each has a column of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tlearn.data.image_info import ImageInfo
from tlearn.data.pixel_store import PixelArray, bounded_map

GRID = 32
"""Cells along the side of an image that border, thumbnail and mean color are taken from."""

MARK_SIDE = 64
"""Pixels along the side of the image that marks are sought in."""

CONTROL_DEPTH = 10
"""Cells between the border and the ring inside the image that it is held against."""

_BINS, _FEW_BINS = 12, 8
_RARE = 5
"""Images below which a camera, a day or a size counts as one of the rare ones."""

_MOST_VALUES = 50
_AXES = 64
"""Principal axes that are kept of cells of pixels: enough for a mark, and solved in 0.1 s."""

_PERCENTILES = (0.0, 0.005, 0.02, 0.98, 0.995, 1.0)
_BRIGHT, _DARK = 254, 1


@dataclass(frozen=True, eq=False)
class SidePixels:
    """The little of each image's pixels that is looked at, for n images.

    Attributes:
        cells: uint8 (n, GRID, GRID, 3), mean colors.
        relief: int8 (n, MARK_SIDE, MARK_SIDE), gray minus the mean of its surroundings.
        limits: (n, 10) percentiles of brightness, and shares of values at the ends of the scale.
    """

    cells: np.ndarray
    relief: np.ndarray
    limits: np.ndarray


def read_side_pixels(pixels: PixelArray, rows: np.ndarray) -> SidePixels:
    """Look once at some images of a folder.

    Args:
        pixels: uint8 (n, side, side, 3), in memory or on disk.
        rows: Indices of the images to look at.
    """
    looked_at = bounded_map(lambda row: _look_at(pixels[row]), rows.tolist())
    cells, relief, limits = zip(*looked_at, strict=True)
    return SidePixels(np.stack(cells), np.stack(relief), np.stack(limits))


def _look_at(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    image, box = Image.fromarray(pixels), Image.Resampling.BOX
    small = image.resize((MARK_SIDE, MARK_SIDE), box)
    gray = np.asarray(small.convert("L"), np.float32)
    padded = np.pad(gray, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    around = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    relief = np.rint(gray - around).clip(-24, 24).astype(np.int8)  # no edge counts for ten
    brightness = np.cumsum(image.convert("L").histogram()) / (pixels.size / 3)
    levels = [np.searchsorted(brightness, share + 1e-9) for share in _PERCENTILES]
    values = np.array(image.histogram()).reshape(3, 256).sum(axis=0) / pixels.size
    used = np.flatnonzero(values)
    ends = [np.sqrt(values[_BRIGHT:].sum()) * 100, np.sqrt(values[: _DARK + 1].sum()) * 100]
    limits = np.array([*np.minimum(levels, 255), used[0], used[-1], *ends], np.float32)
    return np.asarray(small.resize((GRID, GRID), box)), relief, limits


def file_facts(infos: Sequence[ImageInfo]) -> np.ndarray:
    """Return columns (n, d) of what the file says of itself, but for its size in bytes."""
    width = np.array([max(info.width, 1) for info in infos], float)
    height = np.array([max(info.height, 1) for info in infos], float)
    short = np.minimum(width, height)
    numbers = [width, height, width * height, width / height, short]
    values = [
        [f"{info.width}x{info.height}" for info in infos],
        short.astype(int).astype(str).tolist(),
        [info.format for info in infos],
        [info.quantization for info in infos],
        [info.camera for info in infos],
        [info.taken[:10] for info in infos],
    ]
    logs = np.log(np.stack(numbers, axis=1))
    return standardized(np.hstack([with_bins(logs, _BINS), *map(_one_hot, values)]))


def size_in_bytes(infos: Sequence[ImageInfo]) -> np.ndarray:
    """Return columns (n, d) of the size of the file alone."""
    size = np.array([max(info.size_bytes, 1) for info in infos], float)
    return standardized(with_bins(np.log(size)[:, None], _BINS))


def brightness_limits(side: SidePixels) -> np.ndarray:
    """Return columns (n, d) of the darkest and brightest values, as exposure moves them."""
    return standardized(with_bins(side.limits, _FEW_BINS))


def shape_of_brightness(side: SidePixels) -> np.ndarray:
    """Return columns (n, d) of what exposure leaves as it is: shape of the histogram, texture.

    A change of brightness, by a factor or an offset, moves the limits and keeps the ratios of
    distances between gray values.
    """
    from scipy.ndimage import uniform_filter

    gray = side.cells.mean(axis=3, dtype=np.float32)
    flat = gray.reshape(len(gray), -1)
    levels = np.percentile(flat, [2, 10, 25, 50, 75, 90, 98], axis=1).T
    levels = (levels - levels[:, 3:4]) / (levels[:, 5:6] - levels[:, 1:2] + 4)
    spreads = [
        (gray - uniform_filter(gray, (0, cells, cells), mode="nearest")).std(axis=(1, 2))
        for cells in (3, 7, 15)
    ]
    ratios = np.log((np.stack(spreads, axis=1) + 0.5) / (flat.std(axis=1)[:, None] + 0.5))
    return standardized(with_bins(np.hstack([levels, ratios]), _FEW_BINS))


def mean_color(side: SidePixels) -> np.ndarray:
    """Return columns (n, d) of the mean and the spread of red, green and blue."""
    cells = side.cells.astype(np.float32)
    moments = np.hstack([cells.mean(axis=(1, 2)), cells.std(axis=(1, 2))])
    return standardized(with_bins(moments, _FEW_BINS))


def ring(side: SidePixels, depth: int = 0) -> np.ndarray:
    """Return columns (n, d) of a ring of cells, by default the border of the image.

    Means and spreads have bins, since a frame may be of a middling color; one that is drawn has no
    spread at all.

    Args:
        side: Pixels of n images.
        depth: Cells between the border and the ring.
    """
    inside = side.cells[:, depth : GRID - depth, depth : GRID - depth]
    edge = np.ones(inside.shape[1:3], bool)
    edge[1:-1, 1:-1] = False
    cells = inside[:, edge].astype(np.float32)
    moments = np.hstack([cells.mean(axis=1), cells.std(axis=1)])
    axes = _main_axes(cells)
    axes /= max(float(axes.std(axis=0).mean()), 1e-6)
    return np.hstack([axes, standardized(with_bins(moments, _FEW_BINS))])


def thumbnail(side: SidePixels, center: bool = True) -> np.ndarray:
    """Return columns (n, axes) of the image at 16 pixels, or of its outer third without center."""
    half = GRID // 2
    cells = side.cells.astype(np.float32).reshape(-1, half, 2, half, 2, 3).mean(axis=(2, 4))
    seen = np.ones((half, half), bool)
    if not center:
        seen[half // 3 : -(half // 3), half // 3 : -(half // 3)] = False
    return _main_axes(cells[:, seen])


def with_bins(numbers: np.ndarray, n_bins: int) -> np.ndarray:
    """Return numbers (n, d) with a column for each bin of equal counts beside them."""
    columns = [numbers]
    for column in numbers.T:
        edges = np.unique(np.quantile(column, np.linspace(0, 1, n_bins + 1)[1:-1]))
        columns.append(np.eye(len(edges) + 1)[np.searchsorted(edges, column, side="right")])
    return np.hstack(columns)


def standardized(columns: np.ndarray) -> np.ndarray:
    """Return columns with mean 0 and variance 1, float32; those that never change become 0."""
    spread = columns.std(axis=0)
    return ((columns - columns.mean(axis=0)) / np.where(spread > 1e-6, spread, np.inf)).astype(
        np.float32
    )


def _one_hot(values: Sequence[str]) -> np.ndarray:
    """Return a column for each frequent value, and one for all rare ones."""
    _, numbers, counts = np.unique(np.array(values), return_inverse=True, return_counts=True)
    frequent = np.argsort(-counts, kind="stable")[:_MOST_VALUES]
    columns = np.full(len(counts), len(frequent))
    columns[frequent] = np.where(counts[frequent] >= _RARE, np.arange(len(frequent)), len(frequent))
    return np.eye(len(frequent) + 1)[columns[numbers]]


def _main_axes(cells: np.ndarray) -> np.ndarray:
    """Return the first principal axes of standardized cells, each with the variance it has."""
    from scipy.linalg import eigh

    x = standardized(cells.reshape(len(cells), -1).astype(np.float32))
    last = x.shape[1] - 1
    _, axes = eigh(x.T @ x, subset_by_index=(max(0, last + 1 - _AXES), last))
    return (x @ axes).astype(np.float32)
