"""`tlearn demo`: a real image folder to try everything on, scikit-learn's handwritten digits."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.artifacts.metadata import read_metadata
from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import decode
from tlearn.errors import DataError, HostError, quoted

SIDE = 64
"""Of an image, in pixels; the scans have 8."""

_DIGITS = "digits"
_NEW_FOLDER = "name a new one: tlearn demo FOLDER"


def write_digits(folder: Path, per_class: int = 40) -> tuple[Path, Path]:
    """Write FOLDER/digits/0 to FOLDER/digits/9 with PNG files, and one more digit into FOLDER.

    What an earlier call wrote is kept, and what is missing of it is added.

    Args:
        folder: Must not exist, be empty, or come from an earlier call.
        per_class: Images of each digit.

    Returns:
        The image folder, and the one more: digit_D.png, of a scan that is not in it.

    Raises:
        DataError: Something else is there already.
        HostError: The machine refuses to write there.
    """
    if os.path.lexists(folder) and not folder.is_dir():
        raise DataError(f"{quoted(folder)} is not a folder", _NEW_FOLDER)
    files = _files(per_class)
    unseen = next(iter(files))
    try:
        if folder.exists() and any(folder.iterdir()) and not _is_own(folder, files):
            raise DataError(f"{quoted(folder)} is not empty, nor is it from a demo", _NEW_FOLDER)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            if not (folder / name).exists():
                (folder / name).write_bytes(content)
    except OSError as error:
        raise HostError(
            f"cannot write {quoted(folder)}: {error.strerror or error}",
            "name a folder you may write to: tlearn demo FOLDER",
        ) from error
    return folder / _DIGITS, folder / unseen


def classify_digit(file: Path, image: Path) -> tuple[str, float]:
    """Return the label and probability that an exported LiteRT file gives an image.

    As on a phone: the file, the labels inside it, and a decoder.
    """
    contract = read_metadata(file)
    pixels = decode(image, contract["image_size"][0])
    (answer,) = run_artifact(file, pixels[np.newaxis]).probabilities
    return contract["labels"][int(answer.argmax())], float(answer.max())


def _files(per_class: int) -> dict[str, bytes]:
    """Return the files of the demo, by name; the first is the unseen digit."""
    from sklearn.datasets import load_digits

    scans = load_digits()
    rows = {f"digit_{scans.target[-1]}.png": len(scans.images) - 1}
    for digit in range(10):
        for number, row in enumerate(np.flatnonzero(scans.target == digit)[:per_class]):
            rows[f"{_DIGITS}/{digit}/{number:03}.png"] = int(row)
    return {name: _png(scans.images[row]) for name, row in rows.items()}


def _is_own(folder: Path, files: Mapping[str, bytes]) -> bool:
    """Return whether the digits in a folder are those of an earlier demo, and no others."""
    found = [path for path in (folder / _DIGITS).rglob("*") if path.is_file()]
    names = [path.relative_to(folder).as_posix() for path in found]
    names += [name for name in files if "/" not in name and (folder / name).exists()]
    return bool(found) and all(files.get(n) == (folder / n).read_bytes() for n in names)


def _png(scan: np.ndarray) -> bytes:
    """Draw an 8 x 8 scan of 0 to 16 as a gray image of SIDE pixels, dark ink on white."""
    pixels = (255 - scan * (255 / 16)).astype(np.uint8)
    image = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    file = io.BytesIO()
    image.save(file, "png")
    return file.getvalue()
