"""Are these images like those of training? A test of a whole folder, by the output `known`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.confidence.confidence import KnownScale

SURE = 0.001
"""Probability, for images like those of training, below which a folder is called unlike them."""


@dataclass(frozen=True)
class KnownShare:
    """How many images are known, and whether all of them look like images of training.

    Attributes:
        share: Share of the images that are not refused.
        n: Number of images.
        p_value: Probability of `known` so low in so many images like those of training.
    """

    share: float
    n: int
    p_value: float

    @property
    def unlike(self) -> bool:
        """Return whether the images as a whole are not like those of training."""
        return self.p_value < SURE


@dataclass(frozen=True)
class StrangerScores:
    """How images of no class are told from one's own.

    Attributes:
        auroc: Chance that an image of one's own has a higher `known` than a stranger.
        accepted: Share of strangers that are not refused.
        n: Number of strangers.
        trained_on: How many of them the model was trained on, or learned from what to refuse.
    """

    auroc: float
    accepted: float
    n: int
    trained_on: int = 0


@dataclass(frozen=True)
class Taught:
    """What has taught a model which images to refuse.

    Attributes:
        source: The class or folder of images of none of the classes.
        n: Number of images that taught.
        scores: How others of them are told from images of the split that the run reports on.
        digests: (n,) SHA-256 of the files that taught.
    """

    source: str
    n: int
    scores: StrangerScores
    digests: tuple[str, ...]


def score_strangers(own: np.ndarray, strangers: np.ndarray, refuse: float) -> StrangerScores:
    """Compare `known` of one's own images (n,) with that of strangers (m,)."""
    from sklearn.metrics import roc_auc_score

    is_own = np.repeat([1, 0], [len(own), len(strangers)])
    auroc = float(roc_auc_score(is_own, np.concatenate([own, strangers])))
    return StrangerScores(auroc, float((strangers >= refuse).mean()), len(strangers))


def measure_known(known: np.ndarray, refuse: float, scale: KnownScale) -> KnownShare:
    """Compare `known` of a folder's images with that of held-out images of one's own.

    The test is Mann and Whitney's, one-sided: images like those of training do not have a
    lower `known` than the held-out ones more often than chance allows.

    Args:
        known: (n,) of the images.
        refuse: Below which an answer is refused.
        scale: Of the model.
    """
    from scipy.stats import mannwhitneyu

    own = _sample(scale.own, scale.n)
    p_value = float(mannwhitneyu(known, own, alternative="less").pvalue)
    return KnownShare(float((known >= refuse).mean()), len(known), p_value)


def _sample(quantiles: Sequence[float], n: int) -> np.ndarray:
    """Return as many values as were measured, from their quantiles."""
    places = (np.arange(n) + 0.5) / n
    return np.interp(places, np.linspace(0, 1, len(quantiles)), quantiles)
