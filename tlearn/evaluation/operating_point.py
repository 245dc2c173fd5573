"""From which probability on one of two classes is answered, and what that costs and finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import compress

import numpy as np

from tlearn.confidence.operating_point import MOST_PROBABLE, Cost, OperatingPoint, Rate
from tlearn.confidence.rank_promise import promised_rank
from tlearn.data.intervals import share_interval
from tlearn.evaluation.positive_class import guess_positive

_EDGE = 1e-7
_STEPS = 100


def choose_operating_point(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    positive: str | None = None,
    *,
    cost: Cost | None = None,
    min_sensitivity: float | None = None,
    groups: Sequence[str] = (),
    prior: Sequence[float] | None = None,
) -> OperatingPoint:
    """Return the threshold to use, chosen on images that are not those it is then tested on.

    By cost: the probabilities are fitted to the images (Platt), and the threshold is where either
    answer is expected to cost the same. In simulations of 50 to 500 images it cost less on new ones
    than the threshold that would have been cheapest on the images at hand.

    By sensitivity s: the highest threshold at which a new positive image is found with a
    probability of at least s, the k-th lowest probability of n positive images, see `rank_promise`.
    With fewer than s / (1 - s) images none is low enough; the lowest is taken then, and `note` says
    what it promises.

    Args:
        probabilities: (n, 2), of validation images.
        labels: (n,) indices into `classes`.
        classes: The two names, in the order of the columns.
        positive: The class that is looked for; None guesses by the names.
        cost: What errors cost.
        min_sensitivity: At least this share of positive images is to be found, 0 to 1; with
            neither, the more probable class is answered.
        groups: (n,) what images of a group share; nothing where it is not known.
        prior: (2,) shares of the classes in use; None where they are those among these images.

    References:
        Platt (1999), Probabilistic outputs for support vector machines.
    """
    positive = positive or guess_positive(classes).name
    column = classes.index(positive)
    scores, truth = np.asarray(probabilities, float)[:, column], np.asarray(labels) == column
    threshold, chosen_by, note = 0.5, MOST_PROBABLE, ""
    if cost:
        threshold, note = _by_cost(scores, truth, cost, None if prior is None else prior[column])
        chosen_by = f"cost {cost.missed:g}:{cost.false_alarm:g}"
    elif min_sensitivity is not None:
        threshold, note = _by_sensitivity(
            scores[truth], scores[~truth], min_sensitivity, [*compress(groups, truth)]
        )
        chosen_by = f"sensitivity {min_sensitivity:g}"
    point = replace(most_probable(positive), threshold=threshold, chosen_by=chosen_by, note=note)
    return measure(point, probabilities, labels, classes, groups)


def measure(
    point: OperatingPoint,
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    groups: Sequence[str] = (),
) -> OperatingPoint:
    """Return a point that was chosen on other images, with its rates on these.

    Args:
        point: The class and the threshold.
        probabilities: (n, 2).
        labels: (n,) indices into `classes`.
        classes: The two names, in the order of the columns.
        groups: (n,) what images of a group share; nothing where it is not known.
    """
    truth = np.asarray(labels) == classes.index(point.positive)
    found = point.found(probabilities, classes)
    right = found == truth
    return replace(
        point,
        sensitivity=_rate(right, truth, groups),
        specificity=_rate(right, ~truth, groups),
        positive_predictive_value=_rate(right, found, groups),
        negative_predictive_value=_rate(right, ~found, groups),
    )


def most_probable(positive: str) -> OperatingPoint:
    """Return the point at which the more probable class is answered, with no rates yet."""
    rate = Rate(None, None, 0, 0)
    return OperatingPoint(positive, 0.5, MOST_PROBABLE, rate, rate, rate, rate)


def _rate(right: np.ndarray, counted: np.ndarray, groups: Sequence[str]) -> Rate:
    n, n_right = int(counted.sum()), int(right[counted].sum())
    if not n:
        return Rate(None, None, 0, 0)
    members = [*compress(groups, counted)]
    return Rate(n_right / n, share_interval(right[counted], members), n_right, n)


def _by_sensitivity(
    found: np.ndarray, others: np.ndarray, wanted: float, groups: Sequence[str]
) -> tuple[float, str]:
    """Return the threshold and a note; `found` are the scores of the n positive images."""
    n, share = len(found), f"{100 * wanted:g}%"
    if not n:
        return 0.5, "no image of the class to choose by: the more probable class is answered"
    rank = promised_rank(n, wanted)
    n_groups, note = len({*groups}) or n, ""
    if not rank:
        note = (
            f"{n:,} images of the class are too few to promise {share}:"
            f" {100 * n / (n + 1):.1f}% can be expected"
        )
    elif not promised_rank(n_groups, wanted):
        note = (
            f"the {n:,} images of the class come from {n_groups:,} groups, too few to promise"
            f" {share} for new groups"
        )
    lowest = np.sort(found)[max(rank, 1) - 1]
    scores = np.concatenate([found, others])
    below = scores[scores < lowest].max(initial=0.0)
    return float((lowest + below) / 2), note


def _by_cost(
    scores: np.ndarray, truth: np.ndarray, cost: Cost, share: float | None
) -> tuple[float, str]:
    from scipy.special import expit, logit

    even = cost.false_alarm / (cost.missed + cost.false_alarm)
    if truth.all() or not truth.any():
        return even, "all images are of one class; the probabilities were taken as they are"
    slope, offset = _platt(logit(np.clip(scores, _EDGE, 1 - _EDGE)), truth)
    if slope <= 0:
        return even, "the probabilities do not tell the classes apart; they were taken as they are"
    more = 0.0 if share is None else logit(share) - logit(truth.mean())
    threshold = expit((logit(even) - more - offset) / slope)
    return float(np.clip(threshold, _EDGE, 1 - _EDGE)), ""


def _platt(logits: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Return slope and offset of the logistic regression of truth on logits.

    Targets are (n_positive + 1) / (n_positive + 2) and 1 / (n_negative + 2), so that there is a
    finite answer where the classes are told apart without error.
    """
    from scipy.special import expit

    n_positive, n_negative = truth.sum(), (~truth).sum()
    targets = np.where(truth, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    inputs, weights = np.stack([logits, np.ones_like(logits)]), np.array([1.0, 0.0])
    for _ in range(_STEPS):
        answers = expit(weights @ inputs)
        curvature = (inputs * answers * (1 - answers)) @ inputs.T + 1e-9 * np.eye(2)
        step = np.linalg.solve(curvature, inputs @ (answers - targets))
        weights = weights - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-9:
            break
    return float(weights[0]), float(weights[1])
