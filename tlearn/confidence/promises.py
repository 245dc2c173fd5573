"""What is known of a model's answers, held against images that it has not seen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from tlearn.confidence.answer_sets import Coverage, measure_coverage
from tlearn.confidence.answers import Answers
from tlearn.confidence.confidence import Confidence
from tlearn.confidence.operating_point import OperatingPoint, SensitivityKept, hold_sensitivity
from tlearn.confidence.strangers import KnownShare, measure_known

_ROUNDING = 1e-6


@dataclass(frozen=True)
class PromisesKept:
    """How promises were kept.

    Attributes:
        coverage: Of each set of answers; none where no image is new.
        known: How like the training images the new ones are; None where the model does not say.
        sensitivity: Of an operating point; None where none is promised.
        refused: Class to its new images that are refused, however probable it is.
    """

    coverage: tuple[Coverage, ...] = ()
    known: KnownShare | None = None
    sensitivity: SensitivityKept | None = None
    refused: Mapping[str, int] = field(default_factory=dict)


def hold_promises(
    confidence: Confidence | None,
    answers: Answers,
    labels: np.ndarray,
    trained_on: np.ndarray | None,
    refuse: float,
    expected: Sequence[float] | None = None,
    point: OperatingPoint | None = None,
    classes: Sequence[str] = (),
) -> PromisesKept:
    """Measure on labeled images how promises are kept.

    Args:
        confidence: What is known of the model's answers; None for nothing.
        answers: Of n images.
        labels: (n,) class indices.
        trained_on: bool (n,), images that served to train or to choose; None where unknown.
        refuse: Least `known` of an answer that is not refused.
        expected: (classes,) shares that sets were promised for; they are held against images drawn
            by these shares. None where those of the images will do.
        point: Of two classes, the operating point; None where the more probable one is answered.
        classes: Names of the classes.
    """
    new = np.full(len(labels), True) if trained_on is None else ~trained_on
    probabilities, truth = answers.probabilities[new], labels[new]
    sensitivity = hold_sensitivity(point, probabilities, truth, classes)
    if confidence is None or not new.any():
        return PromisesKept(sensitivity=sensitivity)
    drawn = np.arange(len(truth)) if expected is None else as_frequent(truth, expected)
    coverage = (
        measure_coverage(sets, probabilities[drawn], truth[drawn])
        for sets in confidence.sets
        if len(drawn)
    )
    known, refused = None, dict[str, int]()
    if confidence.known and answers.known is not None:
        known = measure_known(answers.known[new], refuse, confidence.known)
        counts = np.bincount(truth[answers.known[new] < refuse], minlength=len(classes))
        refused = dict(zip(classes, counts.tolist(), strict=False))
    return PromisesKept(tuple(coverage), known, sensitivity, refused)


def as_frequent(labels: np.ndarray, expected: Sequence[float]) -> np.ndarray:
    """Return rows, as many as can be, of which each class has the share that is expected.

    Args:
        labels: (n,) class indices.
        expected: (classes,) shares, none of them 0.
    """
    shares = np.asarray(expected)
    counts = np.bincount(labels, minlength=len(shares))
    wanted = ((counts / shares).min() * shares + _ROUNDING).astype(int)
    rng = np.random.default_rng(0)
    rows = [rng.permutation(np.flatnonzero(labels == label))[:n] for label, n in enumerate(wanted)]
    return np.sort(np.concatenate(rows))
