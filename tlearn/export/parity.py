"""Run an artifact on the check images and compare its answers with the model's."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlearn.artifacts.benchmark import latency_milliseconds
from tlearn.artifacts.files import artifact_size_bytes, parts_of
from tlearn.artifacts.least_runtime import least_runtime
from tlearn.artifacts.runtime import run_artifact
from tlearn.confidence.answer_sets import AnswerSets, promise_sets
from tlearn.confidence.operating_point import OperatingPoint
from tlearn.data.targets import CLASSES
from tlearn.errors import ExportError
from tlearn.export.comparison import (
    ChangedPrediction,
    ClassChange,
    Comparison,
    compare,
    compare_unusable,
    gate,
)
from tlearn.export.inputs import ExportInputs
from tlearn.export.target_comparison import compare_targets
from tlearn.storage.atomic import remove

_NOT_IN_ARTIFACT = ("unusable", "n")
"""Fields of a `Comparison` that an `Artifact` has under another name, or in its `failure`."""

TIMED_THREADS = 1
"""Threads that `Artifact.milliseconds` is measured on; a SavedModel takes its own."""


@dataclass(frozen=True)
class Artifact:
    """A file for a device, with what it scored on held-out images.

    Attributes:
        path: The file, the directory of a SavedModel, or the .xml of an OpenVINO pair.
        format: A key of formats.FORMATS.
        quantization: A key of quantization.MODES.
        size_bytes: All of its files.
        agreement: Share of images with the model's answer; other fields are those of `Comparison`.
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
        head_refitted: Whether it was written again, with a head solved for int8: see `int8_head`;
            of one class, with what good images are like learned from it: see `int8_normality`.
        n_checked: Images that it was checked on.
        checked_on: The split that they are; see `SplitImages.source`.
        known_difference: Largest of `known`; None where there is no such output.
        known_mean_difference: Mean of the same; None also where no image is refused.
        refused_more: Share of images that it refuses, less that which the model refuses.
        steps_drop: Of classes in order, see `Comparison`; None of others.
        map_difference: Of `map`, see `Comparison`; None likewise.
        sets: Promises about sets of its answers; none without validation images.
        operating_point: Chosen on its answers; None where none was asked for.
        refuse: Least `known` of an answer that is not refused; None where there is no such output.
        prior: Class to the share that probabilities were set for; None where classes are as
            frequent as in training.
        unit: Of a number, what was off and what is, in words; "" of others.
        task: What it answers.
        runtime: Least version of TensorFlow Lite that runs a LiteRT file; "" of others.
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
    known_difference: float | None = None
    known_mean_difference: float | None = None
    refused_more: float = 0.0
    steps_drop: float | None = None
    map_difference: float | None = None
    sets: tuple[AnswerSets, ...] = ()
    operating_point: OperatingPoint | None = None
    refuse: float | None = None
    prior: dict[str, float] | None = None
    unit: str = ""
    task: str = CLASSES
    runtime: str = ""


def compare_with_model(
    inputs: ExportInputs,
    path: Path,
    target: tuple[str, str],
    advice: Sequence[str] = (),
) -> Artifact:
    """Run an artifact on the check images; rename it if it fails: `m.failed.tflite`.

    Args:
        inputs: The images and the model's answers.
        path: The file, or the directory of a SavedModel.
        target: Its format and quantization.
        advice: What to try instead, should it fail.

    Returns:
        The artifact under the name that it has now.
    """
    check, milliseconds, runtime = inputs.check, 0.0, ""
    sets: tuple[AnswerSets, ...] = ()
    point: OperatingPoint | None = None
    try:
        answers = run_artifact(path, check.pixels)
        comparison = (compare if inputs.task == CLASSES else compare_targets)(inputs, answers)
        failure = gate(comparison, inputs.max_drop)
        if comparison.refuses_otherwise:
            advice = (*advice, "or refuse nothing: --refuse 0")
        runtime = least_runtime(path) if target[0] == "tflite" else ""
        milliseconds = latency_milliseconds(path, check.pixels, TIMED_THREADS)
        promised = inputs.task == CLASSES and check.source.endswith("val")
        if not comparison.unusable and promised:
            probabilities, labels, prior = answers.probabilities, check.labels, inputs.prior
            sets = promise_sets(probabilities, labels, prior)
            names, groups = inputs.class_names, check.groups
            point = inputs.choice.point(probabilities, labels, names, groups, prior)
    except ExportError as error:
        comparison, failure = compare_unusable(inputs), error.message
    except BaseException:  # an interrupted check must not leave a file that looks verified
        _rename_if_failed(path, passed=False)
        raise
    passed = not failure
    final = _rename_if_failed(path, passed)
    artifact = describe(inputs, final, target, comparison, failure, milliseconds, advice)
    return replace(artifact, sets=sets, operating_point=point, runtime=runtime)


def describe(
    inputs: ExportInputs,
    path: Path,
    target: tuple[str, str],
    comparison: Comparison,
    failure: str,
    milliseconds: float = 0.0,
    advice: Sequence[str] = (),
) -> Artifact:
    """Return the record of an artifact; one that was not written has no size.

    Args:
        inputs: What it was compared with.
        path: Where it is.
        target: Its format and quantization.
        comparison: Its answers beside the model's.
        failure: Why it may not be used, or nothing.
        milliseconds: Of one image.
        advice: What to try instead, should it have failed.
    """
    measured = {
        key: value for key, value in vars(comparison).items() if key not in _NOT_IN_ARTIFACT
    }
    return Artifact(
        path=path,
        format=target[0],
        quantization=target[1],
        size_bytes=artifact_size_bytes(path) if path.exists() else 0,
        milliseconds=milliseconds,
        passed=not failure,
        failure=failure,
        n_checked=len(inputs.check.labels),
        checked_on=inputs.check.source,
        threads=None if path.is_dir() else TIMED_THREADS,
        advice=tuple(advice) if failure else (),
        refuse=None if inputs.expected.known is None else inputs.refuse,
        prior=inputs.named_prior,
        task=inputs.task,
        **measured,
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
