"""Compare an artifact's answers with the model's, image by image."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from tlearn.confidence.answers import Answers
from tlearn.data.design_effect import difference_effect
from tlearn.data.targets import CLASSES
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs

_Z95 = NormalDist().inv_cdf(0.975)
_NO_ANSWER = "no number"
_EDGE = 1e-12
_ROUNDING = 1e-9
_MAP_TOLERANCE = 0.25
"""Of `Comparison.map_difference`; up to 0.1 were measured for int8 files of trained networks."""


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
    map_difference: float | None = None
    unit: str = ""


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
    before = expected.argmax(1)
    after = np.where(finite, probabilities.argmax(1), -1)
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
        known_difference=_known_difference(inputs.expected, answers, finite),
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


def _known_difference(expected: Answers, answers: Answers, finite: np.ndarray) -> float | None:
    if expected.known is None or answers.known is None:
        return None
    return float(np.where(finite, np.abs(answers.known - expected.known), 1.0).max())


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

    A drop of more than `max_drop` fails. So does a value that is not a finite number, whatever
    the rest scores, and a map that is not the model's.

    Args:
        comparison: Its answers beside the model's.
        max_drop: The largest drop allowed, as a fraction (.02 is two images in a hundred).
    """
    n = comparison.n
    if comparison.unusable:
        return f"{comparison.unusable} of {n} images give values that are not finite"
    if comparison.accuracy_drop <= max_drop + _ROUNDING:
        off = comparison.map_difference or 0.0
        return f"maps differ from the model's by {off:.0%}" if off > _MAP_TOLERANCE else ""
    if comparison.unit:
        return (
            f"{comparison.unit} on {n} images, {100 * comparison.accuracy_drop:.1f}% of what "
            f"always the same answer is off, where {100 * max_drop:g}% is allowed"
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
    right = inputs.expected.probabilities.argmax(1) == labels
    drop = float(_weights(inputs)[right].sum()) / len(labels)
    return Comparison(0.0, 0.0, drop, (drop, drop), 1.0, (), (), len(labels), len(labels))


def grouped_interval(
    lost: np.ndarray,
    won: np.ndarray,
    groups: Sequence[str] = (),
    weights: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return `paired_interval` of as many images as those of groups, or with weights, are worth.

    Args:
        lost: (n,) whether only the first one got an image right.
        won: (n,) whether only the second one did.
        groups: (n,) what images of a group share; nothing where it is not known.
        weights: (n,) what each image counts, 1 on average; None counts all the same.

    References:
        Kish (1965), Survey Sampling (the effect of weights).
    """
    weights = np.ones(len(lost)) if weights is None else weights
    effect = float(np.square(weights).mean())
    effect *= difference_effect(lost.astype(float) - won, groups) if len(groups) else 1.0
    counts = weights[lost].sum(), weights[won].sum(), len(lost)
    return paired_interval(*(float(count) / effect for count in counts))


def paired_interval(lost: float, won: float, n: float, z: float = _Z95) -> tuple[float, float]:
    """Return the interval of the difference of two accuracies on the same images.

    Both ends solve T(d) = ±z for Tango's score statistic

        T(d) = (lost - won - n d) / sqrt(n (2 q + d (1 - d)))
        q = (sqrt(b² - 8 n c) - b) / (4 n),  b = (2 n - lost + won) d - lost - won,
        c = -won d (1 - d)

    where q is the likeliest share of won images if d were true. Unlike estimate ± z·s it is
    honest for few changes: none among n images still allows ± z² / (n + z²).

    Args:
        lost: Images that only the first one got right.
        won: Images that only the second one got right.
        n: Images in all, at least one; fractions of an effective number are allowed.
        z: Quantile of the normal distribution; 1.96 for 95%.

    Returns:
        Lower and upper end of (lost - won) / n, within -1 and 1.

    References:
        Tango (1998), Equivalence test and confidence interval for the difference in proportions
        for the paired-sample design. Statistics in Medicine 17.
    """
    estimate = (lost - won) / n
    upper = _solve(lambda d: _tango(lost, won, n, d) + z, estimate, 1 - _EDGE)
    lower = -_solve(lambda d: _tango(won, lost, n, d) + z, -estimate, 1 - _EDGE)
    return lower, upper


def _tango(lost: float, won: float, n: float, d: float) -> float:
    b = (2 * n - lost + won) * d - lost - won
    c = -won * d * (1 - d)
    q = (math.sqrt(max(b * b - 8 * n * c, 0.0)) - b) / (4 * n)
    variance = n * (2 * q + d * (1 - d))
    return (lost - won - n * d) / math.sqrt(max(variance, _EDGE))


def _solve(falling: Callable[[float], float], low: float, high: float) -> float:
    """Return where a falling function crosses zero; 1 where it does not below `high`."""
    from scipy.optimize import brentq

    return 1.0 if falling(high) > 0 else float(brentq(falling, low, high, xtol=1e-12))


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
