"""Labels that are probably wrong, from what held-out heads and neighbors say of each image.

    P(label = y | x) = (1 - e) p_y(x) + e sum_i p_i(x) A_iy        p(x) = softmax(t log q(x))

`q` is what the rest of the folder says of an image, the mean of three: heads that were not solved
on it, a regression on all images but itself, and the vote of its nearest neighbors. A share `e` of
all labels is wrong, and `A` says which wrong label a class is given. On a clean folder, however
hard, contradictions become rarer the surer the heads are; with wrong labels they stop becoming
rarer. So `e` and the sharpness `t` are estimated from the labels themselves. All values of e, t and
A are averaged, weighted by their likelihood (Bayes), and the confidence is the posterior
probability that the label came from the second term.

References:
    Northcutt et al. 2021, Confident Learning (arXiv 1911.00068): labels judged by out-of-fold
    probabilities. It counts contradictions above a threshold for each class, which lists one image
    in fourteen of clean folders; we ask in addition how many contradictions errors of the heads
    explain.
    Lawrence and Schölkopf 2001, Estimating a kernel Fisher discriminant in the presence of label
    noise: the mixture.
    Allen 1974, The relationship between variable selection and data augmentation: regression with a
    row left out, from the one on all rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.features.logistic_regression import log_loss, softmax

LISTED = 0.5
"""Confidence from which a label is listed: more probably wrong than right."""

NEIGHBORS = 10

_RIDGES = np.geomspace(1e-2, 1e2, 5)
"""Strengths of the penalty tried for the regression, in units of the features' variance."""

_SCALES = np.geomspace(1, 20, 8)
_AXES = 128
"""Axes of a stage that the regression reads; all of them find as much."""

_WEIGHTS = (0.25, 0.25, 0.5)
"""Of heads, votes and the regression; of ten moved labels, heads and votes find 5 to 6."""

_ERRORS = 3.0
"""Standard errors within which a head must be of the best one to be heard."""

_SHARES = np.array([0.001, 0.002, *np.geomspace(0.004, 0.4, 14)])
_SHARPNESS = np.geomspace(0.7, 4.0, 12)
_SHARP = 4.0
"""Power of the sharpness in its prior, where heads know all. Heads that have seen wrong labels are
never sure: whether that is a share of wrong labels or an overlap of classes, only the belief
decides that most images show one class clearly."""
_LOOK_ALIKE = 4
"""Power of the heads' confusion between two classes, in the chance that one is mistaken for the
other by whoever labels: nearly all mistakes go to the class most alike."""

_BLOCK = 256


@dataclass(frozen=True)
class LabelIssue:
    """A label that is probably wrong.

    Attributes:
        row: Index of the image.
        label: The class that it has.
        suggested: The class that it should perhaps have.
        confidence: Probability that the label is wrong, from 0 to 1.
    """

    row: int
    label: int
    suggested: int
    confidence: float


@dataclass(frozen=True, eq=False)
class LabelCheck:
    """What held-out heads and neighbors say of every label.

    Attributes:
        labels: (n,) class indices as they are.
        probabilities: (n, classes) of each class by the rest of the folder; a row of zeros where no
            head has judged the image.
        confidence: (n,) probability that the label is wrong; 0 where no head has judged.
        share_wrong: Estimated share of wrong labels in the folder.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    confidence: np.ndarray
    share_wrong: float

    def issues(self, at_least: float = LISTED) -> list[LabelIssue]:
        """Return the labels that are probably wrong, the surest first."""
        others = self.probabilities.copy()
        others[np.arange(len(others)), self.labels] = -1
        ranked = np.argsort(-self.confidence, kind="stable")
        return [
            LabelIssue(
                int(row),
                int(self.labels[row]),
                int(others[row].argmax()),
                float(self.confidence[row]),
            )
            for row in ranked
            if self.confidence[row] >= at_least
        ]


def check_labels(
    heads: Sequence[np.ndarray],
    embeddings: Iterable[np.ndarray],
    labels: np.ndarray,
    groups: np.ndarray | None = None,
) -> LabelCheck:
    """Judge every label by heads solved without the image, and by its neighbors.

    Args:
        heads: For each head, (n, classes) held-out probabilities; rows of zeros were not judged.
        embeddings: For each stage, (n, width) features in which neighbors are sought, read one
            after the other.
        labels: (n,) class indices.
        groups: (n,) number of the group of each image; images of its own group, copies of it, are
            no neighbors.
    """
    judged = np.flatnonzero(np.sum(heads, axis=0).sum(axis=1) > 0)
    y, n_classes = labels[judged], heads[0].shape[1]
    said = _mean_of_best([head[judged] for head in heads], y)
    of = np.arange(len(labels)) if groups is None else groups
    others = []
    for features in embeddings:
        unit = _unit(features)
        votes = _vote(unit, labels, n_classes, of, judged)
        others.append((votes, _regression(unit, labels, n_classes, of)[judged]))
    if others:
        said = np.average([said, *np.mean(others, axis=0)], axis=0, weights=_WEIGHTS)
    confidence, share = _posterior(said, y)
    check = LabelCheck(labels, np.zeros(heads[0].shape), np.zeros(len(labels)), share)
    check.probabilities[judged] = said
    check.confidence[judged] = confidence
    return check


def _mean_of_best(heads: Sequence[np.ndarray], labels: np.ndarray) -> np.ndarray:
    """Average the heads that predict about as well as the best one."""
    accuracies = np.array([(head.argmax(axis=1) == labels).mean() for head in heads])
    best = accuracies.max()
    error = np.sqrt(best * (1 - best) / len(labels))
    chosen = accuracies >= best - _ERRORS * error
    return np.mean([head for head, taken in zip(heads, chosen, strict=True) if taken], axis=0)


def _unit(features: np.ndarray) -> np.ndarray:
    """Return features (n, width) as directions from their mean."""
    unit = features - features.mean(axis=0)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    return unit


def _vote(
    unit: np.ndarray, labels: np.ndarray, n_classes: int, groups: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the share of each class (rows, classes) among the nearest neighbors by angle."""
    k = max(1, min(NEIGHBORS, len(labels) // n_classes, len(labels) - 1))
    classes = np.eye(n_classes)
    votes = np.empty((len(rows), n_classes))
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        similarity = unit[block] @ unit.T
        similarity[groups[block][:, None] == groups[None]] = -2
        nearest = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
        votes[start : start + len(block)] = classes[labels[nearest]].sum(axis=1)
    return (votes + 1 / n_classes) / (k + 1)


def _regression(
    unit: np.ndarray, labels: np.ndarray, n_classes: int, groups: np.ndarray
) -> np.ndarray:
    """Predict each class (n, classes) by least squares on all images but those of its own group.

    What a ridge regression says without some rows follows from the one on all, so each image is
    judged by all others. Heads have seen four in five of them, which counts where there are few.
    """
    n = len(labels)
    rows, variances = _main_axes(unit)
    one_hot = np.eye(n_classes)[labels]
    targets = one_hot - one_hot.mean(axis=0)
    _, numbers, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    together = [np.flatnonzero(numbers == number) for number in np.flatnonzero(sizes > 1)]
    best, least, evenly = one_hot, np.inf, np.full(n, 1 / n)
    for ridge in _RIDGES * max(float(variances.sum()), 1e-12):
        shrunk = rows / (n * variances + ridge)
        missed = targets - shrunk @ (rows.T @ targets)
        left_out = missed / (1 - 1 / n - (shrunk * rows).sum(axis=1))[:, None]
        for group in together:
            hat = shrunk[group] @ rows[group].T + 1 / n
            left_out[group] = np.linalg.solve(np.eye(len(group)) - hat, missed[group])
        for scale in _SCALES:
            said = softmax(scale * (one_hot - left_out))
            if (loss := log_loss(said, labels, evenly)) < least:
                best, least = said, loss
    return best


def _main_axes(unit: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rows (n, axes) on about the principal axes, and the variance of each axis.

    A random projection finds them (Halko et al. 2011) in a quarter of the time of all axes.
    """
    centered = unit - unit.mean(axis=0)
    width = min(_AXES, *unit.shape)
    axes = np.random.default_rng(0).standard_normal((unit.shape[1], width), dtype=np.float32)
    for _ in range(2):
        axes = np.linalg.qr(centered.T @ (centered @ axes))[0]
    rows = (centered @ axes).astype(float)
    squares, rotation = np.linalg.eigh(rows.T @ rows)
    return rows @ rotation, np.maximum(squares, 0) / len(rows)


def _posterior(said: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the probability (n,) that each label is wrong, and the share that is.

    Args:
        said: (n, classes) what the rest of the folder says of each image.
        labels: (n,) class indices.
    """
    prior = np.log(np.gradient(_SHARES) / _SHARES)  # each order of magnitude is as probable
    logits = np.log(np.maximum(said, 1e-9))
    own = (np.arange(len(labels)), labels)
    belief = _SHARP * _informed(said[own], labels)
    mistakes = _mistakes(said, labels)
    evidence, wrong = [], []
    for sharpness in _SHARPNESS:
        p = softmax(sharpness * logits)
        right = p[own]
        for matrix in mistakes:
            mistaken = (p @ matrix)[own]
            for share, before in zip(_SHARES, prior, strict=True):
                both = np.maximum((1 - share) * right + share * mistaken, 1e-30)
                evidence.append(np.log(both).sum() + before + belief * np.log(sharpness))
                wrong.append(share * mistaken / both)
    weights = softmax(np.array([evidence]))[0]
    shares = np.tile(_SHARES, len(weights) // len(_SHARES))
    return weights @ np.array(wrong), float(weights @ shares)


def _informed(own: np.ndarray, labels: np.ndarray) -> float:
    """Return the share of what there is to know of the labels that is known: 0 to 1.

    Args:
        own: (n,) probability of each label.
        labels: (n,) class indices.
    """
    shares = np.bincount(labels) / len(labels)
    left = -np.log(np.maximum(own, 1e-9)).mean()
    return (
        float(np.clip(1 + left / np.log(shares[labels]).mean(), 0, 1)) if shares.max() < 1 else 0.0
    )


def _mistakes(said: np.ndarray, labels: np.ndarray) -> list[np.ndarray]:
    """Return ways in which labels may be wrong: (classes, classes), true to given, rows sum to 1.

    Any other class is as probable; or half of the mistakes go to the classes that look alike.
    """
    n_classes = said.shape[1]
    others = 1 - np.eye(n_classes)
    uniform = others / (n_classes - 1)
    sums = np.eye(n_classes)[labels].T @ said
    confusion = sums / np.maximum(np.bincount(labels, minlength=n_classes), 1)[:, None]
    alike = np.maximum((confusion + confusion.T) / 2, 1e-6) ** _LOOK_ALIKE * others
    return [uniform, (uniform + alike / alike.sum(axis=1, keepdims=True)) / 2]
