"""From the colors of a file to RGB: transparency on white, 8 bits for more."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tlearn.data.high_depth import GrayRange, ValueRange, is_high_depth, to_eight_bit

_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0
# An alpha channel of 0 and 1 where 255 is opaque is a mistake as one of 0 is.
_TRANSPARENT = 1
_GRID = (80, 80)
_HOT = 0.001
_LEVELS = np.arange(256.0)


def to_rgb(
    image: Image.Image, gray_range: GrayRange | None
) -> tuple[Image.Image, ValueRange, bool]:
    """Convert an image to RGB; see `decode` for the rules.

    Args:
        image: As Pillow loaded it.
        gray_range: See `decode.decode`.

    Returns:
        The image, its range of values if it has more than 8 bits, and whether its alpha channel,
        by which nothing of it would be seen, was left aside.
    """
    values = ValueRange("", 0.0, 0.0)
    if is_high_depth(image):
        tags = getattr(image, "tag_v2", {})  # Pillow inverts 8 bits, and not 16
        gray, values = to_eight_bit(image, gray_range, tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO)
        return gray.convert("RGB"), values, False
    if not image.has_transparency_data:
        return image.convert("RGB"), values, False
    colored = image.convert("RGBA")
    bounds = np.reshape(colored.getextrema(), (4, 2))  # the smallest and the largest values
    if bounds[3, 1] <= _TRANSPARENT and (bounds[:3, 0] < bounds[:3, 1]).any():
        return colored.convert("RGB"), values, True
    canvas = Image.new("RGB", image.size, "white")
    canvas.paste(colored, mask=colored.getchannel("A"))
    return canvas, values, False


def measure_contrast(image: Image.Image) -> tuple[float, int]:
    """Return the standard deviation of the most varied channel of RGB, and the largest value.

    They are those of a grid of pixels, which costs next to nothing. A larger value of a hot pixel
    or two does not count.
    """
    grid = image.resize(_GRID, Image.Resampling.NEAREST)
    counts = np.array(grid.histogram(), np.float64).reshape(3, 256)
    counts /= _GRID[0] * _GRID[1]
    variance = ((counts * _LEVELS**2).sum(1) - (counts * _LEVELS).sum(1) ** 2).max()
    at_least = counts[:, ::-1].cumsum(1)[:, ::-1]  # share of pixels of a level or above
    brightest = int(np.flatnonzero((at_least > _HOT).any(0)).max())
    return round(float(np.sqrt(max(variance, 0.0))), 2), brightest
