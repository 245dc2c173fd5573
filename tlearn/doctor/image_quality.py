"""Images that stand out: blank, dark, bright, pale, blurred, tiny, of an odd shape, unlike all.

Each is measured against the folder it is in: X-rays are dark and drawings are bright, and nothing
is wrong with them. An image is named only if it is extreme in itself and among the others, so that
lists are short; what most images of a folder have in common is one finding about the folder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import TINY_SIDE
from tlearn.data.pixel_store import PixelArray, bounded_map
from tlearn.features.logistic_regression import principal_axes

BLANK, DARK, BRIGHT, PALE = "blank", "dark", "bright", "low contrast"
BLURRED, TINY, ASPECT, OUTLIER = "blurred", "tiny", "odd aspect", "outlier"

BLANK_SPREAD = 3.0
"""Standard deviation of every channel, of 255, below which an image shows nearly one color."""

DARKEST, BRIGHTEST = 50, 205
"""Gray value that 95 in 100 pixels are below in a dark image, or above in a bright one."""

MIDDLE = 128
"""Gray value that 98 in 100 are: a drawing on white is no overexposed photograph."""

LEAST_RANGE = 40
"""Gray values between the 2nd and the 98th percentile, below which contrast is low."""

PALE_SPREAD = 15.0
"""Standard deviation of every channel, below which contrast is low in colors too."""

FAR = 4.0
"""Robust standard deviations from the folder's median beyond which an image stands out."""

FAR_UNLIKE = 3.5
"""The same for outliers among features: at most 3 of 500 images of clean folders are beyond it."""

ODD_ASPECT = 2.5
"""Factor between the shape of an image, width over height, and the folder's median."""

MUCH_SMALLER = 4.0
"""Factor by which the short side of a tiny image is below the folder's median."""

LESS_DETAIL = 2.0
"""Factor by which a blurred image has less fine detail than the folder's median image."""

MOST = 0.5
"""Share of images from which something is a finding about the folder."""

_LEAST_GRAY, _LEAST_LOG = 8.0, 0.05
_AXES, _IMAGES_PER_AXIS = 50, 6
_DETAIL_SIDE = 96


_Issue = tuple[str, np.ndarray, np.ndarray, list[str]]
"""An issue, which images have it, how badly, and what was measured of each."""


@dataclass(frozen=True)
class ImageFinding:
    """Something about one image, or about the folder.

    Attributes:
        row: Index of the image; None if it is about most images of the folder.
        issue: "blank", "dark", "bright", "low contrast", "blurred", "tiny", "odd aspect" or
            "outlier".
        detail: What was measured, in words.
        severity: 0 to 1; the worst first.
    """

    row: int | None
    issue: str
    detail: str
    severity: float


@dataclass(frozen=True, eq=False)
class ImageMeasures:
    """What is measured in the pixels of n images.

    Attributes:
        color_spread: (n,) standard deviation of the channel that varies most.
        levels: (n, 4) 2nd, 5th, 95th and 98th percentile of gray.
        detail: (n,) log of the share of the spread that is between neighboring pixels.
    """

    color_spread: np.ndarray
    levels: np.ndarray
    detail: np.ndarray


def measure_images(pixels: PixelArray) -> ImageMeasures:
    """Measure every image, each read once.

    Args:
        pixels: uint8 (n, side, side, 3), in memory or on disk.
    """
    rows = bounded_map(lambda row: _measure(pixels[row]), range(len(pixels)))
    color_spread, levels, detail = zip(*rows, strict=True)
    return ImageMeasures(np.array(color_spread), np.array(levels), np.array(detail))


def _measure(pixels: np.ndarray) -> tuple[float, np.ndarray, float]:
    color = Image.fromarray(pixels)
    image = color.convert("L")
    shares = np.cumsum(image.histogram()) / (pixels.size / 3)
    levels = np.searchsorted(shares, np.array([0.02, 0.05, 0.95, 0.98]) - 1e-9)
    size = (min(_DETAIL_SIDE, len(pixels)),) * 2
    gray = np.asarray(image.resize(size, Image.Resampling.BOX), np.float32)
    laplacian = 4 * gray[1:-1, 1:-1]
    laplacian -= gray[:-2, 1:-1] + gray[2:, 1:-1] + gray[1:-1, :-2] + gray[1:-1, 2:]
    detail = float(np.log((laplacian.std() + 0.1) / (gray.std() + 1)))
    small = np.asarray(color.resize(size, Image.Resampling.BOX), np.float32)
    return float(small.std(axis=(0, 1)).max()), levels, detail


def find_image_issues(
    infos: Sequence[ImageInfo], measures: ImageMeasures, unlike: np.ndarray | None = None
) -> list[ImageFinding]:
    """Find the images that stand out, the worst first, each with its worst issue alone.

    Args:
        infos: (n,) what is known of each file.
        measures: Of the same images.
        unlike: (n,) from `unlikeness`; None to leave out outliers.
    """
    folder, common = _of_folder(measures)
    issues = [*_of_pixels(measures), *_of_sizes(infos)]
    if unlike is not None:
        far = robust_z(unlike, _LEAST_LOG)
        words = [f"unlike the others by {z:.1f} times the usual spread" for z in far]
        issues.append((OUTLIER, far > FAR_UNLIKE, 0.4 + far / 20, words))
    found: dict[int, ImageFinding] = {}
    for issue, which, severity, words in issues:
        for row in np.flatnonzero(which).tolist() if issue not in common else ():
            finding = ImageFinding(row, issue, words[row], float(np.clip(severity[row], 0, 1)))
            if row not in found or found[row].severity < finding.severity:
                found[row] = finding
    worst_first = sorted(found, key=lambda row: (-found[row].severity, row))
    return [*folder, *(found[row] for row in worst_first)]


def _of_pixels(measures: ImageMeasures) -> Iterator[_Issue]:
    low, dark, light, high = measures.levels.T
    n = len(low)
    blank = measures.color_spread < BLANK_SPREAD
    yield BLANK, blank, np.ones(n), ["nearly one color"] * n
    too_dark = (light < DARKEST) & (high < MIDDLE) & (-robust_z(light, _LEAST_GRAY) > FAR)
    yield DARK, too_dark, 1 - light / 255, [f"95% of it below {v} of 255" for v in light]
    too_bright = (dark > BRIGHTEST) & (low > MIDDLE) & (robust_z(dark, _LEAST_GRAY) > FAR)
    yield BRIGHT, too_bright, dark / 255, [f"95% of it above {v} of 255" for v in dark]
    reach = (high - low).astype(float)
    pale = (reach < LEAST_RANGE) & (measures.color_spread < PALE_SPREAD)
    pale &= -robust_z(reach, _LEAST_GRAY) > FAR / 2
    yield PALE, pale, 0.9 - reach / 255, [f"uses {v:.0f} of 256 gray values" for v in reach]
    soft = -robust_z(measures.detail, _LEAST_LOG)
    times = np.exp(np.median(measures.detail) - measures.detail)
    words = [f"{t:.1f} times less fine detail than usual" for t in times]
    yield BLURRED, (soft > FAR) & (times > LESS_DETAIL) & ~blank, 0.4 + soft / 40, words


def _of_sizes(infos: Sequence[ImageInfo]) -> Iterator[_Issue]:
    width, height = np.array([[info.width, info.height] for info in infos], float).T
    sizes = [f"{info.width}x{info.height}" for info in infos]
    short = np.minimum(width, height)
    smaller = np.median(short) / np.maximum(short, 1)
    tiny = (short < TINY_SIDE) | (smaller > MUCH_SMALLER)
    yield TINY, tiny, 0.5 + smaller / 40, [f"{size} pixels" for size in sizes]
    log_aspect = np.log(np.maximum(width, 1) / np.maximum(height, 1))
    odd = np.exp(np.abs(log_aspect - np.median(log_aspect)))
    words = [
        f"{s} pixels, proportions {o:.1f} times off the usual"
        for s, o in zip(sizes, odd, strict=True)
    ]
    yield ASPECT, odd > ODD_ASPECT, 0.2 + odd / 20, words


def robust_z(values: np.ndarray, least: float) -> np.ndarray:
    """Return how many robust standard deviations (from the quartiles) values are from the median.

    Args:
        values: (n,) numbers.
        least: Standard deviation to assume at least, where most values are the same.
    """
    quarter, median, three_quarters = np.percentile(values, [25, 50, 75])
    return (values - median) / max((three_quarters - quarter) / 1.349, least)


def unlikeness(features: np.ndarray) -> np.ndarray:
    """Return how far each image is from the others: log of the Mahalanobis distance on main axes.

    Of ten folders with images of the others mixed in, more than half of these were found by the
    features of the stage before the last, a third by the last one's, whose axes are for subjects.

    Args:
        features: (n, width) features of a stage.
    """
    spread = features.std(axis=0)
    scaled = (features / (spread + 0.05 * spread.mean() + 1e-9)).astype(np.float32)
    axes = principal_axes(scaled, ())
    kept = slice(-max(1, min(_AXES, len(features) // _IMAGES_PER_AXIS)), None)
    squares = np.square(axes.rows[:, kept]) / np.maximum(axes.variances[kept], 1e-9)
    return np.log(np.maximum(squares.sum(axis=1), 1e-6))


def _of_folder(measures: ImageMeasures) -> tuple[list[ImageFinding], set[str]]:
    """Return what most images have in common, and the issues that are then said of no image."""
    low, dark, light, high = measures.levels.T
    one_color = (measures.color_spread < BLANK_SPREAD).mean()
    if one_color > MOST:
        white, black = np.median(dark) > BRIGHTEST, np.median(light) < DARKEST
        color = ", white" if white else ", black" if black else ""
        words = f"{one_color:.0%} of the images are of nearly one color{color}"
        return [ImageFinding(None, BLANK, words, 1.0)], {BLANK, DARK, BRIGHT, PALE, BLURRED}
    pale = (high - low < LEAST_RANGE).mean()
    if pale > MOST:
        first, last = int(np.median(low)), int(np.median(high))
        words = f"{pale:.0%} of the images use gray values from about {first} to {last} of 255 only"
        return [ImageFinding(None, PALE, words, 0.9)], {DARK, BRIGHT, PALE}
    return [], set()
