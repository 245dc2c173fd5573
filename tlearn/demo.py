"""A real image folder to try everything on: the handwritten digits that come with scikit-learn."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.data.decode import decode
from tlearn.errors import DataError
from tlearn.export.metadata import read_metadata
from tlearn.export.parity import run_tflite

SIDE = 64
"""Of a picture, in pixels; the scans have 8."""


def write_digits(folder: Path, per_class: int = 40) -> Path:
    """Write FOLDER/0 to FOLDER/9 with PNG files, and one more digit beside the folder.

    Args:
        folder: Must not exist, or be empty.
        per_class: Pictures of each digit.

    Returns:
        The one more: digit_D.png, of a scan that is not in the folder.

    Raises:
        DataError: Something is in the folder already.
    """
    from sklearn.datasets import load_digits

    if folder.exists() and any(folder.iterdir()):
        raise DataError(f"{folder} is not empty", "name another folder: tlearn demo FOLDER")
    scans = load_digits()
    for digit in range(10):
        (folder / str(digit)).mkdir(parents=True)
        for number, row in enumerate(np.flatnonzero(scans.target == digit)[:per_class]):
            _picture(scans.images[row]).save(folder / str(digit) / f"{number:03}.png")
    unseen = folder.parent / f"digit_{scans.target[-1]}.png"
    _picture(scans.images[-1]).save(unseen)
    return unseen


def ask_file(file: Path, picture: Path) -> tuple[str, float]:
    """The label and probability that an exported LiteRT file gives a picture.

    As on a phone: the file, the labels inside it, and a decoder.
    """
    contract = read_metadata(file)
    pixels = decode(picture, contract["image_size"][0])
    (answer,) = run_tflite(file, pixels[np.newaxis])
    return contract["labels"][int(answer.argmax())], float(answer.max())


def _picture(scan: np.ndarray) -> Image.Image:
    """Ink on paper: an 8 x 8 scan of 0 to 16 as a grey picture of SIDE pixels."""
    pixels = (255 - scan * (255 / 16)).astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
