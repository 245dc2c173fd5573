"""`tlearn demo`: a real image folder to try everything on, scikit-learn's handwritten digits."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.artifacts.metadata import read_metadata
from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import decode
from tlearn.errors import DataError, HostError, quoted

SIDE = 64
"""Of an image, in pixels; the scans have 8."""


def write_digits(folder: Path, per_class: int = 40) -> tuple[Path, Path]:
    """Write FOLDER/digits/0 to FOLDER/digits/9 with PNG files, and one more digit into FOLDER.

    Args:
        folder: Must not exist, or be empty.
        per_class: Images of each digit.

    Returns:
        The image folder, and the one more: digit_D.png, of a scan that is not in it.

    Raises:
        DataError: Something is there already.
        HostError: The machine refuses to write there.
    """
    from sklearn.datasets import load_digits

    if os.path.lexists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        problem = "is not empty" if folder.is_dir() else "is not a folder"
        raise DataError(f"{quoted(folder)} {problem}", "name a new one: tlearn demo FOLDER")
    scans = load_digits()
    digits, unseen = folder / "digits", folder / f"digit_{scans.target[-1]}.png"
    try:
        for digit in range(10):
            (digits / str(digit)).mkdir(parents=True)
            for number, row in enumerate(np.flatnonzero(scans.target == digit)[:per_class]):
                _image(scans.images[row]).save(digits / str(digit) / f"{number:03}.png")
        _image(scans.images[-1]).save(unseen)
    except OSError as error:
        raise HostError(
            f"cannot write {quoted(folder)}: {error.strerror or error}",
            "name a folder you may write to: tlearn demo FOLDER",
        ) from error
    return digits, unseen


def classify_digit(file: Path, image: Path) -> tuple[str, float]:
    """Return the label and probability that an exported LiteRT file gives an image.

    As on a phone: the file, the labels inside it, and a decoder.
    """
    contract = read_metadata(file)
    pixels = decode(image, contract["image_size"][0])
    (answer,) = run_artifact(file, pixels[np.newaxis])
    return contract["labels"][int(answer.argmax())], float(answer.max())


def _image(scan: np.ndarray) -> Image.Image:
    """Draw an 8 x 8 scan of 0 to 16 as a gray image of SIDE pixels, dark ink on white."""
    pixels = (255 - scan * (255 / 16)).astype(np.uint8)
    return Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
