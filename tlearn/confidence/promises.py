"""What is known of a model's answers, held against images that it has not seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlearn.confidence.answer_sets import Coverage, measure_coverage
from tlearn.confidence.answers import Answers
from tlearn.confidence.confidence import Confidence
from tlearn.confidence.strangers import KnownShare, measure_known


@dataclass(frozen=True)
class PromisesKept:
    """How promises were kept.

    Attributes:
        coverage: Of each set of answers; none where no image is new.
        known: How like the training images the new ones are; None where the model does not say.
    """

    coverage: tuple[Coverage, ...] = ()
    known: KnownShare | None = None


def hold_promises(
    confidence: Confidence | None,
    answers: Answers,
    labels: np.ndarray,
    trained_on: np.ndarray | None,
    refuse: float,
) -> PromisesKept:
    """Measure on labeled images how promises are kept.

    Args:
        confidence: What is known of the model's answers; None for nothing.
        answers: Of n images.
        labels: (n,) class indices.
        trained_on: bool (n,), images that served to train or to choose; None where unknown.
        refuse: Least `known` of an answer that is not refused.
    """
    new = np.full(len(labels), True) if trained_on is None else ~trained_on
    if confidence is None or not new.any():
        return PromisesKept()
    probabilities, truth = answers.probabilities[new], labels[new]
    coverage = (measure_coverage(sets, probabilities, truth) for sets in confidence.sets)
    known = None
    if confidence.known and answers.known is not None:
        known = measure_known(answers.known[new], refuse, confidence.known)
    return PromisesKept(tuple(coverage), known)
