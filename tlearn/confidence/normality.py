"""How unlike the good images an image is: `anomaly`, between 0 and 1, and where: `map`.

    d       = sqrt((x - mean)' C^-1 (x - mean))         x: features, pooled or of a place, leveled
    whole   = mean over the last stages of u(d)         u: 0 at the median of held-out good images,
    place   = u(mean over 3 x 3 places of d)            1 at what 5% of them exceed
    map     = sigmoid(ln 19 place)
    anomaly = sigmoid(ln 19 u(mean of whole and the larger of whole and the largest place))

So `anomaly` is .5 for half of the good images, and above .95 for about 5% of them; the same holds
for the largest value of `map`. A strange object is seen in the whole, a scratch in a place: each is
missed by the other. The whole counts in any case, because it errs less than the largest of many.

C is the covariance of good images, shrunk towards a multiple of the identity: a few axes v_k, and
a variance e that is alike in all other directions. A distance is then the length of a difference,
which survives rounding better than a difference of lengths:

    d = |z - A A' z| / sqrt(e)      z = x - mean
                                    columns of A: v_k sqrt(1 - sqrt(e / variance along v_k))

References:
    Rippel et al. 2021, Modeling the Distribution of Normal Data in Pre-Trained Deep Features for
    Anomaly Detection: a Gaussian for each stage, the distances added up. Here each is measured in
    units of its spread over held-out images.
    Defard et al. 2021, PaDiM: a Gaussian of patches, for each place. Here it is one for all places,
    as images of parts are seldom aligned to a pixel.
    Ledoit and Wolf 2004, A well-conditioned estimator for large-dimensional covariance matrices.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.confidence.novelty import EPSILON, REFUSED, low_quantile

EXCEEDED = REFUSED
"""Share of good images whose `anomaly` is above 1 minus the same number."""

WINDOW = 3
"""Side of the square of places whose mean distance counts: a single place is noise."""

LEAST, MOST = -2, 4
"""Between which whole and place are kept: what is beyond is as sure, and one that is far out would
take the whole scale that a tensor has in an int8 file."""

MOST_AXES = 48
_FOLDS = 5
_MOST_PATCHES = 10_000


@dataclass(frozen=True, eq=False)
class Gaussian:
    """The distribution of good images' features of a stage.

    Attributes:
        mean: (d,).
        axes: (d, r) A; columns of 0 where few images tell no more.
        rest: e, the variance in all other directions.
    """

    mean: np.ndarray
    axes: np.ndarray
    rest: float

    def distances(self, features: np.ndarray) -> np.ndarray:
        """Return the Mahalanobis distance of features (..., d): (...)."""
        z = features - self.mean
        return np.linalg.norm(z - z @ self.axes @ self.axes.T, axis=-1) / np.sqrt(self.rest)


@dataclass(frozen=True)
class Unit:
    """What u is: 0 at `middle`, 1 at `middle + spread`."""

    middle: float
    spread: float

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return values in this unit."""
        return np.asarray((values - self.middle) / self.spread)


@dataclass(frozen=True, eq=False)
class Normality:
    """All that `anomaly` and `map` are computed from.

    Attributes:
        gaussians: Of each stage.
        patches: Of all places of the stage whose places are looked at.
        units: Of each stage's distance, of the largest place, and of `anomaly`.
        held_out: (n,) `anomaly` of the good images, each by what was learned from others.
    """

    gaussians: tuple[Gaussian, ...]
    patches: Gaussian
    units: tuple[Unit, ...]
    held_out: np.ndarray

    def score(
        self, features: Sequence[np.ndarray], patches: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return `anomaly` (n,) and `map` (n, h, w).

        Args:
            features: (n, d) of each stage, pooled and leveled.
            patches: (n, h, w, c), leveled.
        """
        distances, places = self.distances(features, patches)
        *_, of_place, of_all = self.units
        evidence = weigh(distances, self.units)
        return chance(of_all.of(evidence)), chance(of_place.of(places).clip(LEAST, MOST))

    def distances(
        self, features: Sequence[np.ndarray], patches: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return distances of stages and of the largest place (n, stages + 1), and of places."""
        places = place_distances(self.patches, patches)
        whole = [g.distances(x) for g, x in zip(self.gaussians, features, strict=True)]
        return np.stack([*whole, places.max(axis=(1, 2))], axis=1), places


def weigh(distances: np.ndarray, units: Sequence[Unit]) -> np.ndarray:
    """Return what `anomaly` is the u of: distances (n, stages + 1) to (n,)."""
    *stages, place = (unit.of(column) for unit, column in zip(units, distances.T, strict=False))
    whole, place = np.mean(stages, axis=0).clip(LEAST, MOST), place.clip(LEAST, MOST)
    return np.asarray((whole + np.maximum(whole, place)) / 2)


def chance(evidence: np.ndarray) -> np.ndarray:
    """Return .5 for 0 and 1 - EXCEEDED for 1."""
    return np.asarray(0.5 + 0.5 * np.tanh(steepness() * evidence / 2), np.float32)


def steepness() -> float:
    """Return ln 19."""
    return float(np.log(1 / EXCEEDED - 1))


def place_distances(gaussian: Gaussian, patches: np.ndarray) -> np.ndarray:
    """Return the mean distance of each place and its neighbors: (n, h, w, c) to (n, h, w)."""
    from scipy.ndimage import uniform_filter

    places = np.stack([gaussian.distances(image.astype(np.float32)) for image in patches])
    size = (1, WINDOW, WINDOW)
    inside = uniform_filter(np.ones_like(places[:1]), size, mode="constant")
    return np.asarray(uniform_filter(places, size, mode="constant") / inside)


def fit_normality(
    features: Sequence[np.ndarray], patches: np.ndarray, folds: np.ndarray | None = None
) -> Normality:
    """Learn from good images what good images are like.

    What is kept was learned from all of them, a little more than what measured each held-out one:
    new good images have a slightly lower `anomaly`, and cause fewer false alarms than promised.

    Args:
        features: (n, d) of each stage, pooled and leveled.
        patches: (n, h, w, c), leveled.
        folds: (n,) numbers; images of one fold are measured by what the others teach. At least
            two; images that belong together are in one. By default five, by turns.
    """
    count = len(patches)
    folds = np.arange(count) % _FOLDS if folds is None else folds
    distances = np.zeros((count, len(features) + 1))
    for fold in np.unique(folds):
        rest, held = folds != fold, folds == fold
        whole = [fit_gaussian(x[rest]).distances(x[held]) for x in features]
        places = place_distances(fit_patches(patches[rest]), patches[held])
        distances[held] = np.stack([*whole, places.max(axis=(1, 2))], axis=1)
    units = tuple(fit_unit(column) for column in distances.T)
    evidence = weigh(distances, units)
    of_all = fit_unit(evidence)
    return Normality(
        tuple(fit_gaussian(x) for x in features),
        fit_patches(patches),
        (*units, of_all),
        chance(of_all.of(evidence)),
    )


def fit_patches(patches: np.ndarray) -> Gaussian:
    """Fit the distribution of all places of maps (n, h, w, c)."""
    rows = patches.reshape(-1, patches.shape[-1])
    if len(rows) > _MOST_PATCHES:
        rows = rows[np.random.default_rng(0).choice(len(rows), _MOST_PATCHES, replace=False)]
    return fit_gaussian(rows.astype(np.float32))


def fit_gaussian(features: np.ndarray) -> Gaussian:
    """Fit the distribution of features (n, d)."""
    from sklearn.covariance import ledoit_wolf_shrinkage

    mean = features.mean(axis=0)
    z = features - mean
    shrinkage = float(ledoit_wolf_shrinkage(z, assume_centered=True))
    _, singular, axes = np.linalg.svd(z, full_matrices=False)
    variances = np.square(singular) / len(z)
    total = variances.sum()
    lead = variances[:MOST_AXES]
    left = max(len(mean) - len(lead), 1)
    share = shrinkage * total / len(mean)
    rest = share + (1 - shrinkage) * (total - lead.sum()) / left + EPSILON
    ratio = np.minimum(rest / ((1 - shrinkage) * lead + share + EPSILON), 1)
    columns = np.zeros((len(mean), MOST_AXES), np.float32)
    columns[:, : len(lead)] = axes[: len(lead)].T * np.sqrt(1 - np.sqrt(ratio))
    return Gaussian(mean.astype(np.float32), columns, float(rest))


def fit_unit(values: np.ndarray) -> Unit:
    """Fit u to values (n,) of held-out good images."""
    middle, high = float(np.median(values)), -low_quantile(-values, EXCEEDED)
    return Unit(middle, max(high - middle, EPSILON))
