"""How similar images are to those a backbone was trained on, measured on its own features.

Two measures, neither of which needs reference images:

*Effective dimension* of the embeddings. Photographs like those of the source domain vary along
many independent directions of the embedding; X-rays or letters along few.

    D = (sum_j v_j)^2 / sum_j v_j^2,   v_j the eigenvalues of the embeddings' covariance
    corrected for n images:  1 / (1/D - 1/n)

*Inception Score* of the source classes, where the weights have a classification layer: the
exponential of the mutual information between images and source classes, which is the number of
source classes that the images are told apart by.

    M = exp( H(mean_i p_i) - mean_i H(p_i) ),   p_i the source probabilities of image i

A log-linear calibration maps each measure to a score from 0 to 1; the similarity is their mean.

References:
    Salimans et al. 2016, Improved techniques for training GANs (arXiv 1606.03498): M.
    Roy and Vetterli 2007, The effective rank. D is the participation ratio, a close relative.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_MAX_IMAGES = 1_000
_DIMENSION_SPREAD, _CLASSES_SPREAD = 2.0, 2.5  # factors from the midpoint to a score of 0 or 1


@dataclass(frozen=True)
class _Calibration:
    """Midpoints between everyday photographs and other kinds of images, for one backbone.

    Measured on ten folders: halfway, in logarithms, between the least similar photographs and the
    most similar of X-rays, leaves on black, hand signs, steel surfaces and letters.

    Attributes:
        dimension: Midpoint of D.
        classes: Image size to the midpoint of M, which falls as the size grows.
        landmarks: Kinds of images to their D, from different from the source to similar to it.
    """

    dimension: float
    classes: Mapping[int, float]
    landmarks: Mapping[str, float]

    def classes_midpoint(self, image_size: int) -> float:
        """Return the midpoint of M at a size, interpolated in logarithms of both."""
        sizes, midpoints = zip(*sorted(self.classes.items()), strict=True)
        return float(np.exp(np.interp(np.log(image_size), np.log(sizes), np.log(midpoints))))

    def covers(self, image_size: int) -> bool:
        """Return whether the calibration was measured near this size."""
        return min(self.classes) / 1.5 <= image_size <= 1.5 * max(self.classes)


_CALIBRATIONS = {
    "mobilenet_v2": _Calibration(
        39.0,
        {128: 6.7, 224: 3.4},
        {"letters": 19.5, "X-rays": 27.4, "flowers": 45.4, "insects": 60.7, "textures": 85.0},
    ),
    "builtin": _Calibration(
        15.5,
        {128: 1.9},
        {"steel": 7.3, "letters": 8.5, "X-rays": 12.0, "flowers": 17.1, "insects": 27.2},
    ),
}
_DEFAULT_CALIBRATION = _CALIBRATIONS["mobilenet_v2"]


@dataclass(frozen=True)
class Similarity:
    """Similarity to the source domain.

    Attributes:
        score: From 0 (different) to 1 (similar); 0.5 separates "different" from "similar".
        effective_dimension: D above.
        source_classes: M above, or None without a classification layer.
        calibrated: Whether the calibration was measured on this backbone, near this size.
        landmarks: Known kinds of images to their score, by D alone; empty if not calibrated.
    """

    score: float
    effective_dimension: float
    source_classes: float | None
    calibrated: bool
    landmarks: Mapping[str, float] = field(default_factory=dict)

    def in_words(self) -> str:
        """Return the score and what it was computed from, as part of a reason."""
        text = f"similarity {self.score:.2f} of 1, from the effective dimension of the embeddings"
        text += f" ({self.effective_dimension:.0f})"
        if self.source_classes is not None:
            text += f" and the number of source classes told apart ({self.source_classes:.1f})"
        return text if self.calibrated else text + "; not calibrated for this backbone and size"


def sample(rows: np.ndarray) -> np.ndarray:
    """Return the rows to measure on: all of them, or a fixed random sample of many."""
    return np.random.default_rng(0).permutation(rows)[:_MAX_IMAGES]


def measure_similarity(
    embeddings: np.ndarray, source: np.ndarray | None, backbone: str, image_size: int
) -> Similarity:
    """Measure the similarity of training images, those that `sample` selects, to the source domain.

    Args:
        embeddings: (n, d).
        source: (n, source classes) probabilities of the backbone's own classifier, or None.
        backbone: Name in the catalog; one without a calibration of its own gets MobileNetV2's.
        image_size: Side of the images, in pixels.
    """
    calibration = _CALIBRATIONS.get(backbone, _DEFAULT_CALIBRATION)
    dimension = effective_dimension(embeddings)
    scores = [_score(dimension, calibration.dimension, _DIMENSION_SPREAD)]
    classes = None
    if source is not None:
        classes = inception_score(source)
        midpoint = calibration.classes_midpoint(image_size)
        scores.append(_score(classes, midpoint, _CLASSES_SPREAD))
    calibrated = backbone in _CALIBRATIONS and calibration.covers(image_size)
    landmarks = {
        kind: _score(known, calibration.dimension, _DIMENSION_SPREAD)
        for kind, known in calibration.landmarks.items()
    }
    return Similarity(
        float(np.mean(scores)), dimension, classes, calibrated, landmarks if calibrated else {}
    )


def nearest_classes(
    source: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    names: Sequence[str],
    most: int = 2,
) -> dict[str, list[tuple[str, float]]]:
    """Return the source classes that the images of each class resemble most.

    Args:
        source: (n, source classes) probabilities.
        labels: (n,) class indices.
        classes: Names of the classes.
        names: Names of the source classes.
        most: Number of source classes for each class.

    Returns:
        Class name to the names and mean probabilities of its nearest source classes.
    """
    nearest = {}
    for label in np.unique(labels):
        mean = source[labels == label].mean(axis=0)
        top = np.argsort(-mean)[:most]
        nearest[classes[label]] = [(names[index], float(mean[index])) for index in top]
    return nearest


def effective_dimension(embeddings: np.ndarray) -> float:
    """Return the participation ratio of the covariance of embeddings (n, d), corrected for n."""
    n = len(embeddings)
    centered = embeddings - embeddings.mean(axis=0)
    gram = centered @ centered.T if n < embeddings.shape[1] else centered.T @ centered
    trace = float(np.trace(gram, dtype=np.float64))
    if n < 3 or trace <= 0:
        return 1.0
    ratio = trace**2 / float(np.square(gram, dtype=np.float64).sum())
    inverse = 1 / ratio - 1 / (n - 1)
    return min(1 / inverse if inverse > 0 else np.inf, float(embeddings.shape[1]))


def inception_score(probabilities: np.ndarray) -> float:
    """Return the Inception Score of class probabilities (n, c): from 1 to c."""
    mean = probabilities.mean(axis=0)
    return float(np.exp(_entropy(mean[np.newaxis])[0] - _entropy(probabilities).mean()))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    return -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)


def _score(value: float, midpoint: float, spread: float) -> float:
    """Map a measure to a score from 0 to 1, log-linearly: 0.5 at the midpoint."""
    return float(np.clip(0.5 + 0.5 * np.log(value / midpoint) / np.log(spread), 0, 1))
