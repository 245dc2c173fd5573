"""Arrays in an .npz file, believed only if every byte is as it was written."""

from __future__ import annotations

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np

from tlearn.storage.regular_file import read_regular

MOST_BYTES = 16_000_000_000
"""Of an archive: a checkpoint of the largest backbone is a tenth of it."""


def read_arrays(path: Path) -> dict[str, np.ndarray] | None:
    """Read an .npz file whole.

    NumPy alone does not notice a damaged header, because it stops before the end of a member,
    where the checksum is compared.

    Returns:
        Name to array, in the order in which they were written; None if the file is missing or
        damaged.
    """
    try:
        content = io.BytesIO(read_regular(path, MOST_BYTES))
        with zipfile.ZipFile(content) as archive:
            if archive.testzip() is not None:
                return None
        content.seek(0)
        with np.load(content) as arrays:
            return {name: arrays[name] for name in arrays.files}
    # A flipped bit can also ask for a password or a compression that does not exist.
    except (OSError, EOFError, ValueError, RuntimeError, zipfile.BadZipFile, zlib.error):
        return None
