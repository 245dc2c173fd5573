"""How close the pictures are to those the backbone was trained on, measured on its own features.

Two measures, both without a reference picture:

*Effective dimension* of the embeddings. Photographs like the source's light up many independent
directions of the embedding; X-rays or letters move it along few.

    D = (sum_j v_j)^2 / sum_j v_j^2,   v_j the eigenvalues of the embeddings' covariance
    corrected for n pictures:  1 / (1/D - 1/n)

*Source classes told apart*, where the weights have a classification layer: the exponential of the
mutual information between pictures and source classes (the Inception Score).

    M = exp( H(mean_i p_i) - mean_i H(p_i) ),   p_i the source probabilities of picture i

References:
    Salimans et al., Improved Techniques for Training GANs, 2016 (M).
    Roy and Vetterli, The effective rank, 2007; the participation ratio used here is its cousin.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

_MOST_IMAGES = 1_000
_DIMENSION_SPREAD, _CLASSES_SPREAD = 2.0, 2.5  # factors that span half the scale


@dataclass(frozen=True)
class Scale:
    """Where the middle between photographs and foreign pictures lies, for one backbone.

    Measured on ten folders: halfway, in logarithms, between the most foreign photographs and
    the least foreign of X-rays, leaves cut out on black, hand signs, steel and letters.

    Attributes:
        dimension: Middle of D.
        classes: Side of the pictures to the middle of M, which falls with it.
        landmarks: Kinds of pictures to D, from foreign to like the source.
    """

    dimension: float
    classes: Mapping[int, float]
    landmarks: Mapping[str, float]

    def middle_of_classes(self, image_size: int) -> float:
        """Middle of M between the sizes it was measured at, in logarithms of both."""
        sizes, middles = zip(*sorted(self.classes.items()), strict=True)
        return float(np.exp(np.interp(np.log(image_size), np.log(sizes), np.log(middles))))

    def holds(self, image_size: int) -> bool:
        """Whether the scale was measured near this size."""
        return min(self.classes) / 1.5 <= image_size <= 1.5 * max(self.classes)


_SCALES = {
    "mobilenet_v2": Scale(
        39.0,
        {128: 6.7, 224: 3.4},
        {"letters": 19.5, "X-rays": 27.4, "flowers": 45.4, "insects": 60.7, "textures": 85.0},
    ),
    "builtin": Scale(
        18.5,
        {128: 2.7},
        {"steel": 6.5, "letters": 12.1, "X-rays": 13.5, "flowers": 24.9, "insects": 34.8},
    ),
}


@dataclass(frozen=True)
class Similarity:
    """Similarity to the source domain.

    Attributes:
        score: 0 (foreign) to 1 (like the source); the middle parts "different" from "similar".
        effective_dimension: D above.
        source_classes: M above, or None without a classification layer.
        calibrated: Whether the scale was measured on this backbone, near this size.
        landmarks: Known kinds of pictures to their place on the scale, judged by D alone.
    """

    score: float
    effective_dimension: float
    source_classes: float | None
    calibrated: bool
    landmarks: Mapping[str, float] = field(default_factory=dict)

    def in_words(self) -> str:
        """How it was measured, for the reasons of a suggestion."""
        words = f"{self.score:.2f} of 1, from an effective dimension of "
        words += f"{self.effective_dimension:.0f} in the embeddings"
        if self.source_classes is not None:
            words += f" and {self.source_classes:.1f} source classes told apart"
        return words if self.calibrated else words + " (scale not calibrated for this backbone)"


def sample(rows: np.ndarray) -> np.ndarray:
    """As many pictures as the measurement wants, drawn the same way each time."""
    return np.random.default_rng(0).permutation(rows)[:_MOST_IMAGES]


def measure_similarity(
    embeddings: np.ndarray, source: np.ndarray | None, backbone: str, image_size: int
) -> Similarity:
    """Measure on training pictures, those that `sample` draws.

    Args:
        embeddings: (n, d).
        source: (n, source classes) probabilities of the backbone's own layer, or None.
        backbone: Name in the catalogue; another's scale is taken where it has none of its own.
        image_size: Side of the pictures, in pixels.
    """
    scale = _SCALES.get(backbone, _SCALES["mobilenet_v2"])
    dimension = effective_dimension(embeddings)
    scores = [_on_scale(dimension, scale.dimension, _DIMENSION_SPREAD)]
    classes = None
    if source is not None:
        classes = classes_told_apart(source)
        middle = scale.middle_of_classes(image_size)
        scores.append(_on_scale(classes, middle, _CLASSES_SPREAD))
    calibrated = backbone in _SCALES and scale.holds(image_size)
    landmarks = {
        kind: _on_scale(known, scale.dimension, _DIMENSION_SPREAD)
        for kind, known in scale.landmarks.items()
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
    """What each class's pictures look like to the backbone: source classes and mean probability.

    Args:
        source: (n, source classes) probabilities.
        labels: (n,) class indices.
        classes: Names of the classes.
        names: Names of the source classes.
        most: Source classes for each class.
    """
    found = {}
    for label in np.unique(labels):
        mean = source[labels == label].mean(axis=0)
        top = np.argsort(-mean)[:most]
        found[classes[label]] = [(names[n], float(mean[n])) for n in top]
    return found


def effective_dimension(embeddings: np.ndarray) -> float:
    """Participation ratio of the covariance of embeddings (n, d), corrected for small n."""
    n = len(embeddings)
    centered = embeddings - embeddings.mean(axis=0)
    gram = centered @ centered.T if n < embeddings.shape[1] else centered.T @ centered
    trace = float(np.trace(gram, dtype=np.float64))
    if n < 3 or trace <= 0:
        return 1.0
    ratio = trace**2 / float(np.square(gram, dtype=np.float64).sum())
    inverse = 1 / ratio - 1 / (n - 1)
    return min(1 / inverse if inverse > 0 else np.inf, float(embeddings.shape[1]))


def classes_told_apart(probabilities: np.ndarray) -> float:
    """Exponential of the mutual information between pictures and classes, from (n, c)."""
    mean = probabilities.mean(axis=0)
    return float(np.exp(_entropy(mean[np.newaxis])[0] - _entropy(probabilities).mean()))


def _entropy(probabilities: np.ndarray) -> np.ndarray:
    return -(probabilities * np.log(np.maximum(probabilities, 1e-12))).sum(axis=1)


def _on_scale(value: float, middle: float, spread: float) -> float:
    return float(np.clip(0.5 + 0.5 * np.log(value / middle) / np.log(spread), 0, 1))
