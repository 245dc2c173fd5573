"""Compare an artifact's answers with the model's, image by image."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.confidence.answers import Answers
from tlearn.data.order import answered
from tlearn.data.paired_interval import grouped_interval
from tlearn.data.targets import CLASSES, mean_of_median
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs

_NO_ANSWER = "no number"
_EDGE = 1e-12
_ROUNDING = 1e-9
_MAP_TOLERANCE = 0.25
"""Of `Comparison.map_difference`; up to 0.1 were measured for int8 files of trained networks."""

_REFUSED_TOLERANCE = 0.1
"""Of `Comparison.refused_more`; .05 were measured for int8 files of trained networks."""

_KNOWN_TOLERANCE = 0.3
"""Of `Comparison.known_mean_difference`: .02 to .16 were measured for such files; one that says the
same of all images is off by .5, and one that guesses by .33."""


@dataclass(frozen=True)
class ChangedPrediction:
    """One image to which the artifact gives another answer than the model."""

    image: str
    truth: str
    before: str
    after: str


@dataclass(frozen=True)
class ClassChange:
    """One class whose accuracy is not the model's: share of its `n` images that are right."""

    name: str
    n: int
    before: float
    after: float


@dataclass(frozen=True)
class Comparison:
    """What became of the model's answers.

    Attributes:
        agreement: Share of images with the same answer.
        accuracy: Of the artifact; where probabilities were set for other shares of the classes,
            on images of these shares.
        accuracy_drop: Accuracy of the model minus that of the artifact.
        drop_interval: 95% interval of the drop, see `paired_interval`; of fewer images where those
            of a group change together.
        largest_difference: Of any probability; 1 where a value is not a finite number.
        changed_predictions: The images with another answer.
        changed_classes: The classes with another accuracy.
        unusable: Images with a value that is not a finite number.
        n: Images compared.
        known_difference: Largest of `known`, likewise; None where there is no such output.
        known_mean_difference: Mean of the same; None also where no image is refused.
        refused_more: Share of images that the artifact refuses, less that which the model refuses.
        steps_drop: Where classes are steps of a scale, by how much more the answers are off, as a
            share of what always the median is off; None of others.
        map_difference: Of `map`, as a share of the model's own in root mean squares: the median of
            the images with the same answer; 1 where there is none; None likewise. Of one class the
            root mean square itself: maps of good images are near 0.
        unit: Of a number, what was off and what is, in words; "" of others.
    """

    agreement: float
    accuracy: float
    accuracy_drop: float
    drop_interval: tuple[float, float]
    largest_difference: float
    changed_predictions: tuple[ChangedPrediction, ...]
    changed_classes: tuple[ClassChange, ...]
    unusable: int
    n: int
    known_difference: float | None = None
    known_mean_difference: float | None = None
    refused_more: float = 0.0
    steps_drop: float | None = None
    map_difference: float | None = None
    unit: str = ""

    @property
    def refuses_otherwise(self) -> bool:
        """Return whether `known` is not the model's."""
        moved = self.known_mean_difference or 0.0
        return self.refused_more > _REFUSED_TOLERANCE or moved > _KNOWN_TOLERANCE


def compare(inputs: ExportInputs, answers: Answers) -> Comparison:
    """Compare an artifact's answers with the model's.

    Args:
        inputs: The images, their classes and the model's answers.
        answers: Of the artifact, for the same images.

    Raises:
        ExportError: They have another shape.
    """
    truth, expected = inputs.check.labels, inputs.expected.probabilities
    probabilities = answers.probabilities
    ensure_shape(probabilities, expected)
    finite = np.isfinite(probabilities).all(1)
    if answers.known is not None:
        finite &= np.isfinite(answers.known)
    if answers.maps is not None:
        finite &= np.isfinite(answers.maps).all((1, 2))
    ordered = inputs.confidence.ordered
    before = answered(expected, ordered)
    after = np.where(finite, answered(probabilities, ordered), -1)
    right, still_right = before == truth, after == truth
    difference = np.where(finite[:, None], np.abs(probabilities - expected), 1.0)
    lost, won = right & ~still_right, ~right & still_right
    weights = _weights(inputs)
    return Comparison(
        agreement=float(np.mean(before == after)),
        accuracy=float(weights[still_right].sum()) / len(truth),
        accuracy_drop=float(weights[lost].sum() - weights[won].sum()) / len(truth),
        drop_interval=grouped_interval(lost, won, inputs.check.groups, weights),
        largest_difference=float(difference.max()),
        changed_predictions=tuple(_changed(inputs, before, after)),
        changed_classes=tuple(_class_changes(inputs, right, still_right)),
        unusable=int((~finite).sum()),
        n=len(truth),
        steps_drop=_steps_drop(truth, before, after) if ordered else None,
        **_known_differences(inputs, answers, finite),
        map_difference=map_difference(inputs.expected, answers, before == after),
    )


def ensure_shape(answers: np.ndarray, expected: np.ndarray) -> None:
    """Refuse answers of another shape than the model's.

    Raises:
        ExportError: They have one.
    """
    if answers.shape != expected.shape:
        received, required = answers.shape[1:], expected.shape[1:]
        problem = f"wrong shape: {received} values an image, expected {required}"
        raise ExportError(problem, "export it in another format: tlearn export --help")


def _weights(inputs: ExportInputs) -> np.ndarray:
    """Return (n,) what each image counts, 1 on average: classes are as frequent as in use."""
    truth = inputs.check.labels
    if inputs.prior is None:
        return np.ones(len(truth))
    weights = np.asarray(inputs.prior)[truth] / np.bincount(truth)[truth]
    return np.asarray(weights / weights.mean())


def _steps_drop(truth: np.ndarray, before: np.ndarray, after: np.ndarray) -> float:
    further = np.abs(after - truth) - np.abs(before - truth)
    return float(further.mean() / mean_of_median(truth))


def _known_differences(
    inputs: ExportInputs, answers: Answers, finite: np.ndarray
) -> dict[str, Any]:
    """Return what became of `known`, by the fields of a comparison."""
    expected = inputs.expected.known
    if expected is None or answers.known is None:
        return {}
    differences = np.where(finite, np.abs(answers.known - expected), 1.0)
    refused = [np.mean(known < inputs.refuse) for known in (answers.known, expected)]
    return {
        "known_difference": float(differences.max()),
        **({"known_mean_difference": float(differences.mean())} if inputs.refuse else {}),
        "refused_more": float(refused[0] - refused[1]),
    }


def map_difference(
    expected: Answers, answers: Answers, same: np.ndarray, relative: bool = True
) -> float | None:
    """Return how far maps are from the model's; see `Comparison`."""
    if expected.maps is None or answers.maps is None:
        return None
    right, found = expected.maps[same], answers.maps[same]
    if not len(right):
        return 1.0
    sizes = np.maximum(np.square(right).mean((1, 2)), _EDGE) if relative else 1
    return float(np.sqrt(np.median(np.square(found - right).mean((1, 2)) / sizes)))


def gate(comparison: Comparison, max_drop: float) -> str:
    """Return why an artifact may not be used, or nothing.

    A drop of more than `max_drop` fails, of steps on a scale, too. So does a value that is not a
    finite number, whatever the rest scores, and a map or a `known` that is not the model's.

    Args:
        comparison: Its answers beside the model's.
        max_drop: The largest drop allowed, as a fraction (.02 is two images in a hundred).
    """
    n, allowed = comparison.n, f"where {100 * max_drop:g}% is allowed"
    if comparison.unusable:
        return f"{comparison.unusable} of {n} images give values that are not finite"
    if comparison.accuracy_drop > max_drop + _ROUNDING:
        return _less_accurate(comparison, max_drop)
    if (further := comparison.steps_drop or 0.0) > max_drop + _ROUNDING:
        return (
            f"answers are further off on {n} images, by {further:.1%} of what always the median "
            f"step is off, {allowed}"
        )
    if (off := comparison.map_difference or 0.0) > _MAP_TOLERANCE:
        return f"maps differ from the model's by {off:.0%}"
    if comparison.refuses_otherwise:
        return (
            f"known, how like the training images one is, moved by "
            f"{comparison.known_mean_difference:.2f} on average; of {n} images of the classes "
            f"{comparison.refused_more:+.0%} are refused"
        )
    return ""


def _less_accurate(comparison: Comparison, max_drop: float) -> str:
    n, allowed = comparison.n, f"where {100 * max_drop:g}% is allowed"
    if comparison.unit:
        return (
            f"{comparison.unit} on {n} images, {100 * comparison.accuracy_drop:.1f}% of what "
            f"always the same answer is off, {allowed}"
        )
    low, high = (100 * end for end in comparison.drop_interval)
    before = comparison.accuracy + comparison.accuracy_drop
    return (
        f"accuracy fell from {before:.1%} to {comparison.accuracy:.1%} on {n} images: "
        f"{100 * comparison.accuracy_drop:.1f} points (95% interval {low:.1f} to {high:.1f}), "
        f"where {100 * max_drop:g} is allowed"
    )


def compare_unusable(inputs: ExportInputs) -> Comparison:
    """Return the comparison of an artifact that cannot be run."""
    labels = inputs.check.labels
    if inputs.task != CLASSES:
        return Comparison(0.0, 0.0, 1.0, (1.0, 1.0), 1.0, (), (), len(labels), len(labels))
    right = answered(inputs.expected.probabilities, inputs.confidence.ordered) == labels
    drop = float(_weights(inputs)[right].sum()) / len(labels)
    return Comparison(0.0, 0.0, drop, (drop, drop), 1.0, (), (), len(labels), len(labels))


def _changed(
    inputs: ExportInputs, before: np.ndarray, after: np.ndarray
) -> Iterator[ChangedPrediction]:
    def label(index: int) -> str:
        return inputs.class_names[index] if index >= 0 else _NO_ANSWER

    for row in np.flatnonzero(before != after).tolist():
        indices = (inputs.check.labels[row], before[row], after[row])
        yield ChangedPrediction(inputs.check.names[row], *(label(int(index)) for index in indices))


def _class_changes(
    inputs: ExportInputs, right: np.ndarray, still_right: np.ndarray
) -> Iterator[ClassChange]:
    for index, name in enumerate(inputs.class_names):
        rows = inputs.check.labels == index
        if right[rows].sum() != still_right[rows].sum():
            shares = float(right[rows].mean()), float(still_right[rows].mean())
            yield ClassChange(name, int(rows.sum()), *shares)
