"""A map of warmth drawn over its image."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from tlearn.evaluation.explain_maps import warmest

_SIDE = 256
"""Least side of a drawn map, in pixels."""

_COLD, _HOT = np.array([255.0, 214.0, 92.0]), np.array([214.0, 30.0, 26.0])
_OPACITY = 0.72
_FADED = 0.55
"""Share of its color that the image keeps, so that the warm places stand out."""


def draw_map(image: np.ndarray, warmth: np.ndarray) -> np.ndarray:
    """Draw what speaks for the answer in yellow to red, and a line around the warmest tenth.

    Args:
        image: uint8 (side, side, 3).
        warmth: (side, side).

    Returns:
        uint8 (s, s, 3), with s the larger of side and 256.
    """
    side = max(len(image), _SIDE)
    smooth = Image.fromarray(warmth.astype(np.float32)).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    heat = np.asarray(smooth, float)
    strength = (heat / max(float(heat.max()), 1e-12)).clip(0, 1)[..., np.newaxis]
    large = Image.fromarray(image).resize((side, side), Image.Resampling.LANCZOS)
    gray = np.asarray(large.convert("L"), float)[..., np.newaxis]
    faded = _FADED * np.asarray(large, float) + (1 - _FADED) * gray
    color = _COLD + strength * (_HOT - _COLD)
    opacity = _OPACITY * np.sqrt(strength)
    drawn = (1 - opacity) * faded + opacity * color
    inside = Image.fromarray(warmest(heat)).convert("L")
    line = np.asarray(inside) != np.asarray(inside.filter(ImageFilter.MinFilter(3)))
    halo = np.asarray(inside.filter(ImageFilter.MaxFilter(3))) != np.asarray(inside)
    drawn[halo], drawn[line] = 30, 255
    return drawn.round().astype(np.uint8)
