"""A map of warmth drawn over its image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from tlearn.evaluation.explain_maps import warmest

_SIDE = 256
"""Least side of a drawn map, in pixels."""

_COLD, _HOT = np.array([255.0, 214.0, 92.0]), np.array([214.0, 30.0, 26.0])
_PALE, _BLUE = np.array([150.0, 200.0, 235.0]), np.array([24.0, 78.0, 190.0])
_OPACITY = 0.72
_FADED = 0.55
"""Share of its color that the image keeps, so that the warm places stand out."""


def draw_map(
    image: np.ndarray, warmth: np.ndarray, most: float | None = None, up: bool | None = None
) -> np.ndarray:
    """Draw what speaks for the answer in yellow to red, and a line around the warmest tenth.

    Args:
        image: uint8 (side, side, 3).
        warmth: (side, side).
        most: Warmth that is drawn in red; by default the largest.
        up: Of a number, whether warm is what moves it up: that is red then, and what moves it down
            is blue.

    Returns:
        uint8 (s, s, 3), with s the larger of side and 256.
    """
    side = max(len(image), _SIDE)
    smooth = Image.fromarray(warmth.astype(np.float32)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    heat = np.asarray(smooth, float)
    largest = float((heat if up is None else np.abs(heat)).max())
    signed = (heat / (most or max(largest, 1e-12))).clip(0 if up is None else -1, 1)
    signed, strength = signed[..., np.newaxis], np.abs(signed)[..., np.newaxis]
    large = Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
    gray = np.asarray(large.convert("L"), float)[..., np.newaxis]
    faded = _FADED * np.asarray(large, float) + (1 - _FADED) * gray
    red = _COLD + strength * (_HOT - _COLD)
    color = np.where((signed < 0) == (up is not False), _PALE + strength * (_BLUE - _PALE), red)
    opacity = _OPACITY * np.sqrt(strength)
    drawn = (1 - opacity) * faded + opacity * color
    inside = Image.fromarray(warmest(heat)).convert("L")
    line = np.asarray(inside) != np.asarray(inside.filter(ImageFilter.MinFilter(3)))
    halo = np.asarray(inside.filter(ImageFilter.MaxFilter(3))) != np.asarray(inside)
    drawn[halo], drawn[line] = 30, 255
    return drawn.round().astype(np.uint8)
