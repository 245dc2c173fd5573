"""Images of a run, or of another folder, with what is known of each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlearn.data.labeled import Shared
from tlearn.data.pixel_store import PixelArray, PixelRows


@dataclass(frozen=True, eq=False)
class SplitImages:
    """The images of a split, or of a sample of it.

    Attributes:
        pixels: uint8 (n, H, W, 3), read where indexed.
        labels: (n,) true class indices.
        names: (n,) what the images are called.
        source: The split, after SAMPLE_OF where they are kept in the run.
        groups: (n,) what images of a group share; empty where it is not known.
        targets: (n, outputs) of another task than classes; None of these.
    """

    pixels: PixelArray
    labels: np.ndarray
    names: tuple[str, ...]
    source: str
    groups: tuple[str, ...] = ()
    targets: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class LabeledPixels:
    """Images that a model is scored on.

    Attributes:
        pixels: uint8 (n, H, W, 3), read where indexed.
        labels: (n,) true class indices.
        digests: (n,) SHA-256 of the files.
        shared: What images of a group share, and copies of a file.
        targets: (n, outputs) of another task than classes; None of these.
    """

    pixels: PixelRows
    labels: np.ndarray
    digests: tuple[str, ...]
    shared: Shared
    targets: np.ndarray | None = None
