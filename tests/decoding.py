"""Image files to decode, and what decoding gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.data.decode import read_image

SIZE = 32
GRADIENT = np.add.outer(np.arange(SIZE) * 4, np.arange(SIZE) * 3).astype(np.uint8)
COLORS = np.dstack([GRADIENT, GRADIENT[::-1], 255 - GRADIENT])


def save(path: Path, image: Image.Image, kind: str, **options: object) -> Path:
    image.save(path, kind, **options)
    return path


def pixels(path: Path, size: int = SIZE, resize: str = "squash") -> np.ndarray:
    decoded, info = read_image(path, size, resize)
    assert decoded is not None, info.problem
    assert decoded.shape == (size, size, 3) and decoded.dtype == np.uint8
    return decoded
