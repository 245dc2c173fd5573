"""Embeddings as points on a plane: along their widest axes, and by their neighbors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

_LEAST_NEIGHBORS = 30
"""Images from which on neighbors tell something."""

_AXES = 50
_MARGIN = 0.03


@dataclass(frozen=True, eq=False)
class Placed:
    """Points on planes.

    Attributes:
        views: Name of a view to (n, 2) positions from 0 to 1.
        explained: Share of the variance that the two widest axes show.
    """

    views: Mapping[str, np.ndarray]
    explained: float


def place_points(embeddings: np.ndarray, seed: int = 0) -> Placed:
    """Place embeddings on a plane, alike in every run.

    The first view is linear (principal components): distances are true as far as two axes show
    them. The second keeps neighbors together (t-SNE) and says nothing by larger distances; it is
    left out of very few images.

    Args:
        embeddings: (n, d).
        seed: Of the second view.

    References:
        van der Maaten and Hinton 2008, Visualizing Data using t-SNE.
    """
    scale = embeddings.std(axis=0)
    standard = (embeddings - embeddings.mean(axis=0)) / np.where(scale > 0, scale, 1)
    u, s, _ = np.linalg.svd(np.asarray(standard, float), full_matrices=False)
    axes = (u * s)[:, :_AXES]
    if axes.shape[1] < 2:
        axes = np.pad(axes, ((0, 0), (0, 2 - axes.shape[1])))
    variance = np.square(s)
    explained = float(variance[:2].sum() / max(variance.sum(), 1e-12))
    views = {"widest axes": _fitted(axes[:, :2])}
    if len(embeddings) >= _LEAST_NEIGHBORS:
        views["neighbors"] = _fitted(_by_neighbors(axes, seed))
    return Placed(views, explained)


def _by_neighbors(axes: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(30, (len(axes) - 1) / 3)
    return np.asarray(
        TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(axes)
    )


def _fitted(points: np.ndarray) -> np.ndarray:
    """Return points moved and stretched to fill the plane but for a margin."""
    low, high = points.min(axis=0), points.max(axis=0)
    unit = (points - low) / np.where(high > low, high - low, 1)
    return np.asarray(_MARGIN + (1 - 2 * _MARGIN) * unit)
