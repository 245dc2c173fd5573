"""Sets of answers that hold the truth as often as they promise.

The set of an image holds the most probable class and every class that is at least as probable as a
threshold. The threshold is the least probability that held-out images gave to their true class,
all but a share of 1 - level of them: the k-th smallest of p_i(y_i), see `rank_promise`.

For new images like those, the set holds the truth with probability `level` at least, whatever the
model is worth. Of all sets with that promise these are the smallest on average.

References:
    Sadinle, Lei and Wasserman 2019, Least Ambiguous Set-Valued Classifiers with Bounded Error
    Levels. The most probable class is always in the set here, so it may hold the truth more often
    than promised.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.confidence.rank_promise import SLACK, HeldPromise, chance_of_so_few, promised_rank

LEVELS = (0.9, 0.95)
"""How often sets hold the truth."""

ROUNDING = 1e-6
"""Numbers of a contract are rounded; a class exactly at the threshold stays in the set."""


@dataclass(frozen=True)
class AnswerSets:
    """A promise about sets of answers.

    Attributes:
        level: Share of new images whose set holds the truth.
        threshold: Least probability of a class in the set.
        n: Held-out images that the threshold was computed on; fewer where some count more.
    """

    level: float
    threshold: float
    n: int


@dataclass(frozen=True)
class Coverage(HeldPromise):
    """How a promise was kept on images.

    Attributes:
        level: What was promised.
        coverage: Share of the images whose set holds the truth.
        mean_size: Mean number of classes in a set.
        n: Number of images.
        p_value: Probability of so few or fewer hits if the promise holds.
    """

    level: float
    coverage: float
    mean_size: float
    n: int
    p_value: float


def promise_sets(
    probabilities: np.ndarray, labels: np.ndarray, expected: Sequence[float] | None = None
) -> tuple[AnswerSets, ...]:
    """Return a promise for each of LEVELS that so many images can bear.

    Where classes will be as frequent as expected, and not as among these images, an image counts
    expected(c) / observed(c), and a new one is taken for one of those that count most. Without
    `expected` all count 1, and the threshold is the k-th smallest.

    Args:
        probabilities: (n, classes) of images that neither trained nor calibrated the model.
        labels: (n,) class indices.
        expected: (classes,) shares in use; None for those among the images.

    References:
        Podkopaev and Ramdas 2021, Distribution-free uncertainty quantification for classification
        under label shift.
    """
    observed = np.bincount(labels, minlength=probabilities.shape[1]) / len(labels)
    if expected is not None and not observed.all():
        return ()  # nothing is known of a class that will be met
    weights = np.ones(len(labels)) if expected is None else (expected / observed)[labels]
    own = probabilities[np.arange(len(labels)), labels]
    order = np.argsort(own, kind="stable")
    passed, total = weights[order].cumsum(), weights.sum() + weights.max()
    n = int(weights.sum() ** 2 / (weights**2).sum() + SLACK)  # what so many images are worth
    ranks = {level: int((passed <= total * (1 - level) + SLACK).sum()) for level in LEVELS}
    return tuple(
        AnswerSets(level, float(own[order[rank - 1]]), n)
        for level, rank in ranks.items()
        if rank and promised_rank(n, level)
    )


def in_set(probabilities: np.ndarray, threshold: float) -> np.ndarray:
    """Return which classes are in the set of each image: bool (n, classes)."""
    members = probabilities >= threshold - ROUNDING
    members[np.arange(len(members)), probabilities.argmax(axis=1)] = True
    return members


def measure_coverage(sets: AnswerSets, probabilities: np.ndarray, labels: np.ndarray) -> Coverage:
    """Hold a promise against labeled images.

    Args:
        sets: The promise.
        probabilities: (m, classes) of images that the promise was not computed on.
        labels: (m,) class indices.
    """
    members = in_set(probabilities, sets.threshold)
    hits, m = int(members[np.arange(len(labels)), labels].sum()), len(labels)
    p_value = chance_of_so_few(hits, m, sets.n, sets.level)
    return Coverage(sets.level, hits / m, float(members.sum(axis=1).mean()), m, p_value)
