"""The second output of a classifier, `known`, from plain layers that every format can hold.

See `confidence.novelty` for what it means. A mean is a linear layer of equal weights: an int8 file
keeps it in integers from end to end.
"""

from __future__ import annotations

import keras
import numpy as np

from tlearn.confidence.novelty import Novelty
from tlearn.models.classifier import EMBEDDING, HEAD

KNOWN = "known"
STANDARDIZE, AXES, BACK = "known_standardize", "known_axes", "known_back"
RESIDUAL = "known_residual"
_EPSILON = 1e-6


def with_known(model: keras.Model, n_axes: int) -> keras.Model:
    """Return the classifier with a second output `known` (batch, 1) that shares its layers.

    Args:
        model: From `build_classifier`.
        n_axes: Columns of `Subspace.axes`.
    """
    layers = keras.layers
    embedding, logits = model.get_layer(EMBEDDING).output, model.get_layer(HEAD).output
    standardize = layers.BatchNormalization(
        center=False, scale=False, epsilon=_EPSILON, trainable=False, name=STANDARDIZE
    )
    scaled = standardize(embedding)
    along = layers.Dense(n_axes, use_bias=False, name=AXES)(scaled)
    explained = layers.Dense(embedding.shape[-1], use_bias=False, name=BACK)(along)
    rest = keras.ops.abs(layers.Subtract(name="known_rest")([scaled, explained]))
    residual = layers.Dense(1, use_bias=False, name=RESIDUAL)(rest)
    column = layers.Reshape((-1, 1), name="known_logits")(logits)
    margin = layers.GlobalMaxPooling1D(name="known_margin")(column)
    evidence = layers.Concatenate(name="known_evidence")([margin, residual])
    known = layers.Dense(1, activation="sigmoid", dtype="float32", name=KNOWN)(evidence)
    return keras.Model(model.inputs[0], [model.outputs[0], known], name=model.name)


def known_weights(novelty: Novelty) -> dict[str, list[np.ndarray]]:
    """Return the weights of the layers of `known` by the layers' names."""
    subspace = novelty.subspace
    width = len(subspace.mean)
    evidence = np.float32([[novelty.slope[0]], [-novelty.slope[1]]])
    return {
        STANDARDIZE: [subspace.mean, subspace.variance - np.float32(_EPSILON)],
        AXES: [subspace.axes],
        BACK: [subspace.axes.T],
        RESIDUAL: [np.full((width, 1), 1 / width, np.float32)],
        KNOWN: [evidence, np.float32([novelty.offset])],
    }


def set_known(model: keras.Model, novelty: Novelty) -> None:
    """Set the weights of `known`; the head's logits must have a mean of 0."""
    for name, weights in known_weights(novelty).items():
        model.get_layer(name).set_weights(weights)
