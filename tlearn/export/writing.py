"""Write one artefact and hold it against the model it was made from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.errors import ExportError
from tlearn.export.parity import Artefact, check
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite

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
        calibration: Gives uint8 pictures of the train part, for int8.
        about: What the file says of itself.
        checked_on: The part that the pictures are, after SAMPLE_OF where they travel in the run.
    """

    model: Any
    labels: Sequence[str]
    pixels: Any
    truth: np.ndarray
    probabilities: np.ndarray
    calibration: Callable[[], np.ndarray]
    about: Mapping[str, Any]
    checked_on: str = "val"


def write_and_check(
    reference: Reference, folder: Path, format: str, quantization: str, max_drop: float
) -> Artefact:
    """Write `folder/model[_QUANTIZATION].tflite` or `folder/saved_model` and run it.

    Args:
        reference: The model and its answers.
        folder: Where to.
        format: "tflite" or "saved_model".
        quantization: One of `quantization.MODES`; "none" for a SavedModel.
        max_drop: Largest drop of accuracy allowed, as a fraction.

    Returns:
        The artefact under its final name; one that failed is kept under a name that says so.

    Raises:
        ExportError: The format cannot hold this network.
        SystemFault: The place cannot be written.
    """
    if format == "saved_model":
        path = folder / "saved_model"
        if path.exists() and not (path / "saved_model.pb").exists():
            raise ExportError(f"{path} exists and is no SavedModel", "name another with --out")
        write_saved_model(reference.model, path, reference.labels)
    else:
        name = "model" if quantization == "none" else f"model_{quantization}"
        path = folder / f"{name}.tflite"
        pictures = reference.calibration() if quantization == "int8" else None
        write_tflite(
            reference.model, path, quantization, pictures, reference.labels, reference.about
        )
    return check(
        path,
        format,
        quantization,
        reference.pixels,
        reference.truth,
        reference.probabilities,
        max_drop,
    )
