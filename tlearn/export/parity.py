"""Does the file answer as the model does? Every artefact is run before it is called done."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tlearn.errors import ExportError
from tlearn.export.measuring import latency_milliseconds
from tlearn.export.runtime import artefact_bytes, run_artefact

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Artefact:
    """A file for a device, with what it scored on `n_checked` pictures of a part."""

    path: Path
    format: str
    quantization: str
    size_bytes: int
    agreement: float
    accuracy: float
    drop: float
    milliseconds: float
    passed: bool
    reason: str
    n_checked: int = 0
    checked_on: str = "val"


class Comparison(NamedTuple):
    """An artefact's answers against the model's; `reason` is empty when it passes the gate."""

    agreement: float
    accuracy: float
    drop: float
    reason: str


def compare(
    reference: np.ndarray, probabilities: np.ndarray, labels: np.ndarray, max_drop: float
) -> Comparison:
    """Hold an artefact's probabilities against the model's.

    `drop` = accuracy of the model - accuracy of the artefact; more than `max_drop` fails. So
    does a value that is not a finite number, whatever the rest scores.

    Args:
        reference: (n, classes), from the model.
        probabilities: (n, classes), from the artefact, for the same pictures.
        labels: (n,) true classes.
        max_drop: The largest drop allowed, as a fraction (.02 = two pictures in a hundred).
    """
    expected = float(np.mean(reference.argmax(1) == labels))
    if probabilities.shape != reference.shape:
        shapes = f"{probabilities.shape[1:]} values a picture, expected {reference.shape[1:]}"
        return Comparison(0.0, 0.0, expected, f"wrong shape: {shapes}")
    finite = np.isfinite(probabilities).all(1)
    chosen = np.where(finite, probabilities.argmax(1), -1)
    agreement = float(np.mean(chosen == reference.argmax(1)))
    accuracy = float(np.mean(chosen == labels))
    drop, reason = expected - accuracy, ""
    if not finite.all():
        reason = f"{(~finite).sum()} of {len(labels)} pictures give values that are not finite"
    elif drop > max_drop + _ROUNDING:
        reason = (
            f"accuracy fell from {expected:.3f} to {accuracy:.3f} on {len(labels)} pictures; "
            f"a drop of {max_drop:g} is allowed"
        )
    return Comparison(agreement, accuracy, drop, reason)


def check(
    path: Path,
    format: str,
    quantization: str,
    pixels: np.ndarray,
    labels: np.ndarray,
    reference: np.ndarray,
    max_drop: float,
) -> Artefact:
    """Run an artefact on pictures and rename it when it fails: `m.tflite`, `m.failed.tflite`.

    Args:
        path: The file, or the directory of a SavedModel.
        format: "tflite" or "saved_model".
        quantization: One of quantization.MODES.
        pixels: uint8 (n, height, width, 3), the validation pictures; may be a memory map.
        labels: (n,) true classes.
        reference: (n, classes) probabilities from the model.
        max_drop: See `compare`.

    Returns:
        The artefact under the name that it has now.
    """
    milliseconds = 0.0
    try:
        comparison = compare(reference, run_artefact(path, pixels), labels, max_drop)
        milliseconds = latency_milliseconds(path, pixels)
    except ExportError as error:
        expected = float(np.mean(reference.argmax(1) == labels))
        comparison = Comparison(0.0, 0.0, expected, error.message)
    failed = path.with_name(f"{path.stem}.failed{path.suffix}")
    _remove(failed)
    passed = not comparison.reason
    if not passed:
        os.replace(path, failed)
    final = path if passed else failed
    return Artefact(
        path=final,
        format=format,
        quantization=quantization,
        size_bytes=artefact_bytes(final),
        milliseconds=milliseconds,
        passed=passed,
        **comparison._asdict(),
    )


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
