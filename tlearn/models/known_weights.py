"""Weights of the layers of `known`, by their names; nothing here needs Keras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from tlearn.confidence.answers import KNOWN
from tlearn.confidence.novelty import EPSILON, Novelty, Subspace

KNOWN_EMBEDDING = "known_embedding"
STANDARDIZE, AXES, BACK = "known_standardize", "known_axes", "known_back"
RESIDUAL = "known_residual"
KNOWN_LAYERS = (STANDARDIZE, AXES, BACK, RESIDUAL, KNOWN)
"""All whose weights are set by `known_weights`; those that level features never change."""

_STAGES = 3


def known_weights(novelty: Novelty) -> dict[str, list[np.ndarray]]:
    """Return the weights of the layers of `known` by the layers' names."""
    subspace = novelty.subspace
    width, weights = len(subspace.mean), subspace.weights
    weights = np.full(width, 1 / width) if weights is None else weights
    b, c = novelty.slope
    evidence = np.array([[b], [-c]], np.float32)
    return {
        STANDARDIZE: [subspace.mean, subspace.variance - EPSILON],
        AXES: [subspace.axes],
        BACK: [subspace.axes.T],
        RESIDUAL: [weights.astype(np.float32)[:, np.newaxis]],
        KNOWN: [evidence, np.array([novelty.offset], np.float32)],
    }


def read_known(weights: Mapping[str, Sequence[np.ndarray]]) -> Novelty:
    """Return what weights of the layers of `known` compute; what set its scale is not in them."""
    (mean, variance), (axes,) = weights[STANDARDIZE], weights[AXES]
    (b, c), (offset,) = weights[KNOWN][0][:, 0].tolist(), weights[KNOWN][1].tolist()
    taught = weights[RESIDUAL][0][:, 0]
    subspace = Subspace(mean, variance + EPSILON, axes, taught if np.ptp(taught) else None)
    return Novelty(subspace, (b, -c), offset, "", 0)


def known_stages(head_stages: Sequence[int]) -> list[int]:
    """Return the stages whose features `known` reads: the last ones up to the head's last."""
    last = head_stages[-1]
    return [*range(max(1, last - _STAGES + 1), last + 1)]
