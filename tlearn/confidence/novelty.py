"""How like the training images an image is: `known`, between 0 and 1.

    margin   m = max_c l_c                     l: the head's logits, whose mean is 0
    residual r = mean |z - z A A'|             z: the embedding, leveled, centered and scaled
    known      = sigmoid(a + b m - c r)

A stranger is answered without conviction (a small margin), or has features that no training image
has (a large residual). Each finds strangers that the other misses. Columns of A are the main axes
of the training images; a, b and c put the margin and the residual of held-out images of one's own
on the same scale, and make `known` < .05 hold for about 5% of them.

Strangers that are at hand can teach: r is then a weighted sum, in which those features count more
that are farther from the subspace in strangers than in one's own images.

References:
    Wang et al. 2022, ViM: Out-Of-Distribution with Virtual-logit Matching, adds a residual to
    logits. Here both are weighed by their spread on held-out images, and the residual is a mean of
    absolute values: one large feature does not hide the others, in int8 least of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

REFUSED = 0.05
"""Share of one's own images for which `known` is below the same number."""

MOST_AXES = 8
_MOST_OF_NETWORK, _OTHER_COLUMNS = 0.028, 3
"""Share of the network's parameters that `known` may take, and the numbers that it keeps for each
feature besides the axes: mean, variance and a weight. Every axis is kept twice."""

_TAIL = 0.25
"""Share of the lowest values that tell where fewer lie."""

_TAUGHT = 2.0
"""How much a residual that strangers have taught counts: it is two kinds of evidence in one."""

_QUANTILES, _DIGITS = 41, 6
_IMAGES_PER_AXIS = 4
"""Training images for each axis at least: with fewer, axes follow single images."""

EPSILON = 1e-6
"""What is added to a variance or a mean square that may be 0."""


@dataclass(frozen=True, eq=False)
class Subspace:
    """Where the embeddings of training images lie.

    Attributes:
        mean: (d,) of the embeddings.
        variance: (d,) of the features of the same stage, so that stages count alike.
        axes: (d, r) in scaled units, each of length 1 and at right angles to the others, or 0.
        weights: (d,) of features in a residual; None where no strangers have taught any.
    """

    mean: np.ndarray
    variance: np.ndarray
    axes: np.ndarray
    weights: np.ndarray | None = None

    def residuals(self, embeddings: np.ndarray) -> np.ndarray:
        """Return how far features are from the subspace: (n, d) to the mean of each row (n,)."""
        apart = self.distances(embeddings)
        return np.asarray(apart.mean(axis=1) if self.weights is None else apart @ self.weights)

    def distances(self, embeddings: np.ndarray) -> np.ndarray:
        """Return how far each feature is from the subspace: (n, d)."""
        scaled = (embeddings - self.mean) / np.sqrt(self.variance)
        return np.asarray(np.abs(scaled - scaled @ self.axes @ self.axes.T))


@dataclass(frozen=True, eq=False)
class Novelty:
    """All that `known` is computed from.

    Attributes:
        subspace: Gives residuals.
        slope: b, c: weights of the margin and of the residual.
        offset: a.
        fitted_on: What images of one's own set the scale, as in `Temperature`.
        n: Their number.
        own: Quantiles of `known` of these images, from the least to the greatest.
    """

    subspace: Subspace
    slope: tuple[float, float]
    offset: float
    fitted_on: str
    n: int
    own: tuple[float, ...] = ()

    def known(self, embeddings: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """Return `known` (n,) of embeddings (n, d) from `level` and logits (n, classes)."""
        return self.weigh(margins(logits), self.subspace.residuals(embeddings))

    def weigh(self, margin: np.ndarray, residual: np.ndarray) -> np.ndarray:
        """Return `known` (n,) of margins (n,) and residuals (n,)."""
        evidence = self.offset + self.slope[0] * margin - self.slope[1] * residual
        return np.asarray(0.5 + 0.5 * np.tanh(evidence / 2), np.float32)


def margins(logits: np.ndarray) -> np.ndarray:
    """Return how far the largest logit is above the mean: (n, classes) to (n,)."""
    return np.asarray(logits.max(axis=1) - logits.mean(axis=1))


def level(embeddings: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
    """Return embeddings whose features of one stage have a mean square of 1 in every image.

    What a network finds in an image is in the proportions of its features. How strong they are
    together follows contrast and clutter, which would hide a stranger or make one.

    Args:
        embeddings: (n, d).
        blocks: Widths of the features of the stages that stand side by side.
    """
    stages = np.split(embeddings, np.cumsum(blocks)[:-1], axis=1)
    powers = [np.square(stage).mean(axis=1, keepdims=True) for stage in stages]
    return np.concatenate(
        [stage / np.sqrt(power + EPSILON) for stage, power in zip(stages, powers, strict=True)],
        axis=1,
    )


def count_axes(width: int, parameters: int) -> int:
    """Return how many axes there are, so that `known` takes little of the network's size.

    Args:
        width: Of the embedding.
        parameters: Of the network.
    """
    columns = _MOST_OF_NETWORK * parameters / width - _OTHER_COLUMNS
    return max(1, min(MOST_AXES, int(columns / 2)))


def fit_subspace(
    embeddings: np.ndarray,
    blocks: Sequence[int],
    n_axes: int,
    strangers: np.ndarray | None = None,
) -> Subspace:
    """Fit the subspace by principal components.

    Args:
        embeddings: (n, d) of training images, from `level`.
        blocks: Widths of the features of the stages that stand side by side.
        n_axes: Number of axes; those that few images cannot tell are 0.
        strangers: (m, d) of images of none of the classes, which teach the weights; None without.
    """
    from sklearn.utils.extmath import randomized_svd

    mean = embeddings.mean(axis=0)
    power = (embeddings - mean).var(axis=0)
    stages = np.split(power, np.cumsum(blocks)[:-1])
    variance = np.repeat([max(stage.mean(), EPSILON) for stage in stages], blocks)
    scaled = (embeddings - mean) / np.sqrt(variance)
    rank = max(1, min(n_axes, len(scaled) // _IMAGES_PER_AXIS))
    axes = np.zeros((len(mean), n_axes))
    axes[:, :rank] = randomized_svd(scaled, rank, random_state=0)[2].T
    subspace = Subspace(*(part.astype(np.float32) for part in (mean, variance, axes)))
    if strangers is None:
        return subspace
    apart, others = subspace.distances(embeddings), subspace.distances(strangers)
    mean, lean = np.full(len(mean), 1 / len(mean)), others.mean(axis=0) - apart.mean(axis=0)
    lean *= (apart @ mean).std() / max((apart @ lean).std(), EPSILON)  # both count alike
    return replace(subspace, weights=(mean + lean).astype(np.float32))


def low_quantile(values: np.ndarray, share: float) -> float:
    """Return what a share of values, less than _TAIL, is below.

    Of a hundred values, chance decides which is the fifth. So all that are below the first quartile
    u serve, by the tail of an exponential distribution: P(x < u - e) = _TAIL exp(-e / mean of e).

    References:
        Pickands 1975, Statistical Inference Using Extreme Order Statistics, without its shape.
    """
    u = np.quantile(values, _TAIL, method="median_unbiased")
    mean_excess = np.maximum(u - values, 0).mean() / _TAIL
    return float(u - mean_excess * np.log(_TAIL / share))


def fit_novelty(
    subspace: Subspace, margin: np.ndarray, residual: np.ndarray, fitted_on: str
) -> Novelty:
    """Set the scale of `known` by held-out images of one's own.

    Args:
        subspace: Of all training images.
        margin: (n,) of images that the head had not seen.
        residual: (n,) of images that the subspace had not seen.
        fitted_on: See `Novelty`.
    """
    spread = np.maximum([margin.std(), residual.std()], EPSILON)
    spread[1] /= 1 if subspace.weights is None else _TAUGHT
    score = margin / spread[0] - residual / spread[1]
    low, middle = low_quantile(score, REFUSED), np.median(score)
    at_low = np.log(REFUSED / (1 - REFUSED))
    steepness = -at_low / max(middle - low, EPSILON)
    b, c = (steepness / spread).tolist()
    novelty = Novelty(subspace, (b, c), float(at_low - steepness * low), fitted_on, len(margin))
    own = np.quantile(novelty.weigh(margin, residual), np.linspace(0, 1, _QUANTILES))
    return replace(novelty, own=tuple(np.round(own, _DIGITS).tolist()))
