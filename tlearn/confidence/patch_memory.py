"""Patches of good images, and how far a patch of another image is from the nearest of them.

    p = A' (x - mean)                     x: leveled features at one place of a stage's map
    distance = min over m of |p - m|      m: the rows of the memory

Columns of A are the main axes of the patches. They keep their variances: axes of little variance
follow single images, and would promise fewer false alarms than there are. The memory is a coreset:
as few patches as leave no patch of a good image far from all of them.

References:
    Roth et al. 2022, Towards Total Recall in Industrial Anomaly Detection (PatchCore), chooses the
    memory so too. Here principal axes take the place of its random projections.
    Sener and Savarese 2018, Active Learning for Convolutional Neural Networks: greedy k-center.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

MOST_AXES, MOST_KEPT = 64, 500
"""Columns of A and rows of the memory: 180 kB for a map of 192 channels."""

_MOST_SAMPLED = 10_000
"""Patches that the memory is chosen from: each takes part in every choice."""


@dataclass(frozen=True, eq=False)
class PatchMemory:
    """Patches of good images.

    Attributes:
        mean: (c,) of the patches.
        axes: (c, k).
        kept: (m, k) the memory.
    """

    mean: np.ndarray
    axes: np.ndarray
    kept: np.ndarray

    def distances(self, patches: np.ndarray) -> np.ndarray:
        """Return how far each place of maps (n, h, w, c) is from the memory: (n, h, w)."""
        return np.stack([nearest(project(image, self), self.kept) for image in patches])


def project(patches: np.ndarray, memory: PatchMemory) -> np.ndarray:
    """Return patches (..., c) on the axes: (..., k) float32."""
    return np.asarray((patches.astype(np.float32) - memory.mean) @ memory.axes)


def nearest(points: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Return the distance of points (..., k) from the nearest row of `kept` (m, k): (...)."""
    likest = (points @ kept.T - np.square(kept).sum(axis=1) / 2).max(axis=-1)
    return np.sqrt(np.maximum(np.square(points).sum(axis=-1) - 2 * likest, 0))


def fit_axes(patches: np.ndarray) -> PatchMemory:
    """Fit the axes to maps (n, h, w, c) of good images; the memory is still empty."""
    sample = _sample(patches.reshape(-1, patches.shape[-1])).astype(np.float32)
    mean = sample.mean(axis=0)
    covariance = (sample - mean).T @ (sample - mean)
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :MOST_AXES]
    return PatchMemory(mean, axes, np.zeros((0, axes.shape[1]), np.float32))


def choose_patches(points: np.ndarray) -> np.ndarray:
    """Choose the memory from points (n, k): each time the one that is farthest from it."""
    sample = _sample(points)
    squares = np.square(sample).sum(axis=1)
    farthest, apart = int(squares.argmin()), np.full(len(sample), np.inf, np.float32)
    chosen = [farthest]
    while len(chosen) < min(MOST_KEPT, len(sample)):
        new = sample[farthest]
        apart = np.minimum(apart, squares - 2 * (sample @ new) + squares[farthest])
        farthest = int(apart.argmax())
        chosen.append(farthest)
    return sample[chosen]


def _sample(rows: np.ndarray) -> np.ndarray:
    if len(rows) <= _MOST_SAMPLED:
        return rows
    return rows[np.random.default_rng(0).choice(len(rows), _MOST_SAMPLED, replace=False)]
