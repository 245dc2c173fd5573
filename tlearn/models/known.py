"""The second output of a classifier, `known`, from plain layers that every format can hold.

See `confidence.novelty` for what it means. A mean is a linear layer of equal weights: an int8 file
keeps it in integers from end to end.
"""

from __future__ import annotations

import keras

from tlearn.confidence.novelty import Novelty
from tlearn.models.classifier import EMBEDDING, HEAD
from tlearn.models.known_weights import (
    AXES,
    BACK,
    EPSILON,
    KNOWN,
    RESIDUAL,
    STANDARDIZE,
    known_weights,
)


def with_known(model: keras.Model, n_axes: int) -> keras.Model:
    """Return the classifier with a second output `known` (batch, 1) that shares its layers.

    Args:
        model: From `build_classifier`.
        n_axes: Columns of `Subspace.axes`.
    """
    layers = keras.layers
    embedding, logits = model.get_layer(EMBEDDING).output, model.get_layer(HEAD).output
    standardize = layers.BatchNormalization(
        center=False, scale=False, epsilon=EPSILON, trainable=False, name=STANDARDIZE
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


def attach_known(model: keras.Model, novelty: Novelty) -> keras.Model:
    """Return a classifier with the output `known`; its logits must have a mean of 0."""
    model = with_known(model, novelty.subspace.axes.shape[1])
    for name, weights in known_weights(novelty).items():
        model.get_layer(name).set_weights(weights)
    return model
