"""Which images are worth a label: those that speak for many images that a model is unsure of.

    gain(x) = sum_i w_i max(k(x, i) - c_i, 0)       w_i = 1 - margin_i
                                                    c_i = max over j of k(j, i)

The margin of an image is the probability of its first class minus that of its second; k is the
similarity of two embeddings, and j runs over the images with a label and those chosen before. So a
near-copy of either gains nothing, a stray image speaks for itself alone, and images are spread over
the regions in which answers are unsure. The gain is submodular: choosing the best image one by one
comes within 1 - 1/e of the best set of that size.

Of several labels the margin is the mean of theirs, |2 p - 1|. Of a number it is 0, as all answers
are as sure. There, on seven drawn scales, neither these images nor those that lower the variance of
ridge regression most (Yu et al. 2006) were worth more than as many at random, copies left out.

References:
    Wei et al. 2015, Submodularity in data subset selection and active learning, takes the images
    with the least margin and covers these. Here margins are weights, and labeled images cover too.
    Yu, Bi and Tresp 2006, Active learning via transductive experimental design.
    Minoux 1978, Accelerated greedy algorithms: a gain that was computed earlier bounds it now.
"""

from __future__ import annotations

import numpy as np

_MOST = 4_000
"""Images that are compared with each other, the least sure ones: what all pairs of them take."""

_BLOCK = 1_024


def choose(
    embeddings: np.ndarray, margin: np.ndarray, labeled: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Choose the images whose labels are worth most.

    Args:
        embeddings: (n, d) of images without a label.
        margin: (n,) how sure their answers are, 0 to 1.
        labeled: (m, d) embeddings of images with one.
        count: How many to choose, at most n.

    Returns:
        Rows of the chosen images, the most worth first, and the gain of each: the number of images
        that it speaks for, with their weights, besides those before it.
    """
    mean = np.concatenate([embeddings, labeled]).mean(axis=0)
    rows = np.argsort(margin, kind="stable")[: max(_MOST, count)]
    x, weights = _unit(embeddings[rows] - mean), 1 - margin[rows]
    covered = _nearest(x, _unit(labeled - mean))
    similarity = _similarity(x, x)

    def gain(images: int | slice) -> np.ndarray:
        new = np.maximum(similarity[images] - covered, 0)
        return np.asarray(new @ weights)

    gains = np.concatenate([gain(slice(at, at + _BLOCK)) for at in range(0, len(x), _BLOCK)])
    chosen: list[int] = []
    worth: list[float] = []
    while len(chosen) < count:
        best = int(gains.argmax())
        gains[best] = gain(best)
        if gains[best] < gains.max():
            continue  # another one may be better now
        chosen.append(best)
        worth.append(float(gains[best]))
        gains[best] = -np.inf
        covered = np.maximum(covered, similarity[best])
    return rows[chosen], np.array(worth)


def margins(probabilities: np.ndarray) -> np.ndarray:
    """Return by how much the first class is more probable than the second: (n, classes) to (n,)."""
    second, first = np.sort(probabilities, axis=1)[:, -2:].T
    return np.asarray(first - second)


def _nearest(x: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the similarity of each row to the nearest of the others, 0 without any."""
    nearest = np.zeros(len(x), np.float32)
    for at in range(0, len(others), _BLOCK):
        nearest = np.maximum(nearest, _similarity(x, others[at : at + _BLOCK]).max(axis=1))
    return nearest


def _similarity(x: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the squares of cosines, 0 where these are negative."""
    return np.asarray(np.square(np.maximum(x @ others.T, 0)))


def _unit(x: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(x, axis=1, keepdims=True)
    return np.asarray(x / np.maximum(lengths, np.finfo(np.float32).tiny))
