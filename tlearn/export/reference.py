"""The model that artefacts are made from, with the answers they are held against."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SAMPLE_OF = "sample of "
"""In front of a part's name: those of its pictures that travel in the run."""


@dataclass(frozen=True)
class Reference:
    """The model, and what it says of the pictures every artefact is checked on.

    Attributes:
        model: The classifier.
        labels: Its classes in order.
        pixels: uint8 (n, H, W, 3), read where indexed.
        truth: (n,) class indices.
        probabilities: (n, classes), from the model.
        calibration: Gives uint8 pictures of the train split, for int8.
        about: What the file says of itself.
        names: (n,) what the pictures are called.
        int8_note: What stands against int8 for this network; empty when nothing does.
        checked_on: The part that the pictures are, after SAMPLE_OF where they travel in the run.
    """

    model: Any
    labels: Sequence[str]
    pixels: Any
    truth: np.ndarray
    probabilities: np.ndarray
    calibration: Callable[[], np.ndarray]
    about: Mapping[str, Any]
    names: Sequence[str]
    int8_note: str = ""
    checked_on: str = "val"
