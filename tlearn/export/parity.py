"""Run an artifact on the check images and compare its answers with the model's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.artifacts.benchmark import latency_milliseconds
from tlearn.artifacts.files import artifact_size_bytes, parts_of
from tlearn.artifacts.runtime import run_artifact
from tlearn.errors import ExportError
from tlearn.export.comparison import ChangedPrediction, ClassChange, Comparison, compare
from tlearn.export.inputs import ExportInputs
from tlearn.storage.atomic import remove

TIMED_THREADS = 1
"""Threads that `Artifact.milliseconds` is measured on; a SavedModel takes its own."""

_ROUNDING = 1e-9


@dataclass(frozen=True)
class Artifact:
    """A file for a device, with what it scored on held-out images.

    Attributes:
        path: The file, the directory of a SavedModel, or the .xml of an OpenVINO pair.
        format: A key of formats.FORMATS.
        quantization: A key of quantization.MODES.
        size_bytes: All of its files.
        agreement: See `Comparison`, as for what else it has of one.
        accuracy: Of the artifact.
        accuracy_drop: Accuracy of the model minus that of the artifact.
        milliseconds: Median of one image at a time, warm; 0 where it cannot be run.
        passed: Whether it may be used.
        failure: Why not.
        drop_interval: 95% interval of the drop.
        largest_difference: Of any probability.
        changed_predictions: The images with another answer.
        changed_classes: The classes with another accuracy.
        threads: That the time was measured on; None where the runtime takes its own.
        advice: What to try instead of one that failed.
        head_refitted: Whether it was written again, with a head solved for int8: see `int8_head`.
        n_checked: Images that it was checked on.
        checked_on: The split that they are; see `SplitImages.source`.
    """

    path: Path
    format: str
    quantization: str
    size_bytes: int
    agreement: float
    accuracy: float
    accuracy_drop: float
    milliseconds: float
    passed: bool
    failure: str
    drop_interval: tuple[float, float] = (0.0, 0.0)
    largest_difference: float = 0.0
    changed_predictions: tuple[ChangedPrediction, ...] = ()
    changed_classes: tuple[ClassChange, ...] = ()
    threads: int | None = TIMED_THREADS
    advice: tuple[str, ...] = ()
    head_refitted: bool = False
    n_checked: int = 0
    checked_on: str = "val"


def gate(inputs: ExportInputs, comparison: Comparison, max_drop: float) -> str:
    """Return why an artifact may not be used, or nothing.

    A drop of more than `max_drop` fails. So does a value that is not a finite number, whatever
    the rest scores.

    Args:
        inputs: What it was compared with.
        comparison: Its answers beside the model's.
        max_drop: The largest drop allowed, as a fraction (.02 is two images in a hundred).
    """
    n = len(inputs.check.labels)
    if comparison.unusable:
        return f"{comparison.unusable} of {n} images give values that are not finite"
    if comparison.accuracy_drop <= max_drop + _ROUNDING:
        return ""
    low, high = (100 * end for end in comparison.drop_interval)
    before = comparison.accuracy + comparison.accuracy_drop
    return (
        f"accuracy fell from {before:.1%} to {comparison.accuracy:.1%} on {n} images: "
        f"{100 * comparison.accuracy_drop:.1f} points (95% interval {low:.1f} to {high:.1f}), "
        f"where {100 * max_drop:g} is allowed"
    )


def compare_with_model(
    inputs: ExportInputs,
    path: Path,
    target: tuple[str, str],
    max_drop: float,
    advice: Sequence[str] = (),
) -> Artifact:
    """Run an artifact on the check images; rename it if it fails: `m.failed.tflite`.

    Args:
        inputs: The images and the model's answers.
        path: The file, or the directory of a SavedModel.
        target: Its format and quantization.
        max_drop: See `gate`.
        advice: What to try instead, should it fail.

    Returns:
        The artifact under the name that it has now.
    """
    check, milliseconds = inputs.check, 0.0
    try:
        probabilities = run_artifact(path, check.pixels)
        comparison = compare(inputs, _check_shape(probabilities, inputs.expected))
        failure = gate(inputs, comparison, max_drop)
        milliseconds = latency_milliseconds(path, check.pixels, TIMED_THREADS)
    except ExportError as error:
        comparison, failure = _unrunnable_comparison(inputs), error.message
    except BaseException:  # an interrupted check must not leave a file that looks verified
        _rename_if_failed(path, passed=False)
        raise
    passed = not failure
    final = _rename_if_failed(path, passed)
    measured = {key: value for key, value in vars(comparison).items() if key != "unusable"}
    return Artifact(
        path=final,
        format=target[0],
        quantization=target[1],
        size_bytes=artifact_size_bytes(final),
        milliseconds=milliseconds,
        passed=passed,
        failure=failure,
        n_checked=len(check.labels),
        checked_on=check.source,
        threads=None if final.is_dir() else TIMED_THREADS,
        advice=() if passed else tuple(advice),
        **measured,
    )


def _check_shape(probabilities: np.ndarray, expected: np.ndarray) -> np.ndarray:
    if probabilities.shape != expected.shape:
        received, wanted = probabilities.shape[1:], expected.shape[1:]
        raise ExportError(f"wrong shape: {received} values an image, expected {wanted}")
    return probabilities


def _unrunnable_comparison(inputs: ExportInputs) -> Comparison:
    """Return the comparison of an artifact that cannot be run: nothing is right."""
    check = inputs.check
    right = int((inputs.expected.argmax(1) == check.labels).sum())
    accuracy_drop = right / len(check.labels)
    return Comparison(
        0.0, 0.0, accuracy_drop, (accuracy_drop, accuracy_drop), 1.0, (), (), len(check.labels)
    )


def _rename_if_failed(path: Path, passed: bool) -> Path:
    """Give an artifact its final name; what failed earlier under that name goes."""
    failed = path.with_name(f"{path.stem}.failed{path.suffix}")
    for part in parts_of(failed):
        remove(part)
    if passed:
        return path
    for part, renamed in zip(parts_of(path), parts_of(failed), strict=True):
        os.replace(part, renamed)
    return failed
