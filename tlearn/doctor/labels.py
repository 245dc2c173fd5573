"""Labels that are probably wrong, from what held-out heads and neighbors say of each image.

    P(label = y | x) = (1 - e) p_y(x) + e sum_i p_i(x) A_iy        p(x) = softmax(t log q(x))

`q` is what the rest of the folder says of an image: the mean prediction of heads that were not
solved on it, and the vote of its nearest neighbors. A share `e` of all labels is wrong, and `A`
says which wrong label a class is given. On a clean folder, however hard, contradictions become
rarer the surer the heads are; with wrong labels they stop becoming rarer. So `e` and the sharpness
`t` are estimated from the labels themselves. All values of e, t and A are averaged, weighted by
their likelihood (Bayes), and the confidence is the posterior probability that the label came from
the second term.

References:
    Northcutt et al. 2021, Confident Learning (arXiv 1911.00068): labels judged by out-of-fold
    probabilities. It counts contradictions above a threshold for each class, which lists one image
    in fourteen of clean folders; we ask in addition how many contradictions errors of the heads
    explain.
    Lawrence and Schölkopf 2001, Estimating a kernel Fisher discriminant in the presence of label
    noise: the mixture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.features.logistic_regression import softmax

LISTED = 0.5
"""Confidence from which a label is listed: more probably wrong than right."""

NEIGHBORS = 10
_VOTE = 0.25
"""Weight of the neighbors' vote; heads alone find 1 to 2 points fewer."""

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
    votes = [_vote(features, labels, n_classes, of, judged) for features in embeddings]
    if votes:
        said = (1 - _VOTE) * said + _VOTE * np.mean(votes, axis=0)
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


def _vote(
    features: np.ndarray, labels: np.ndarray, n_classes: int, groups: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """Return the share of each class (rows, classes) among the nearest neighbors by angle."""
    unit = features - features.mean(axis=0)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
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
