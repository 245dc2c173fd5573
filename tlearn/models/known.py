"""The second output of a classifier, `known`, from plain layers that every format can hold.

See `confidence.novelty` for what it means. A mean is a linear layer of equal weights: an int8 file
keeps it in integers from end to end.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras

from tlearn.confidence.novelty import Novelty
from tlearn.models.classifier import HEAD
from tlearn.models.known_weights import (
    AXES,
    BACK,
    EPSILON,
    KNOWN,
    KNOWN_EMBEDDING,
    RESIDUAL,
    STANDARDIZE,
    known_weights,
)


def with_known(model: keras.Model, maps: Sequence[keras.KerasTensor], n_axes: int) -> keras.Model:
    """Return the classifier with a second output `known` (batch, 1) that shares its layers.

    The weights that `set_known` sets are 0, and it says 0.5 of every image, until then.

    Args:
        model: From `build_classifier`.
        maps: Feature maps in it that `known` reads.
        n_axes: Columns of `Subspace.axes`.
    """
    layers = keras.layers
    linear = partial(layers.Dense, use_bias=False, kernel_initializer="zeros")
    pooled = [
        layers.GlobalAveragePooling2D(name=f"known_pooled_{n}")(map) for n, map in enumerate(maps)
    ]
    level = [leveled(features, f"_{n}") for n, features in enumerate(pooled)]
    embedding = layers.Concatenate(name=KNOWN_EMBEDDING)(level) if len(maps) > 1 else level[0]
    logits = model.get_layer(HEAD).output
    standardize = layers.BatchNormalization(
        center=False, scale=False, epsilon=EPSILON, trainable=False, name=STANDARDIZE
    )
    scaled = standardize(embedding)
    along = linear(n_axes, name=AXES)(scaled)
    explained = linear(embedding.shape[-1], name=BACK)(along)
    rest = keras.ops.abs(layers.Subtract(name="known_rest")([scaled, explained]))
    # Keras counts such names on, and equal networks shall be equal files.
    rest._keras_history.operation.name = "known_distance"
    residual = linear(1, name=RESIDUAL)(rest)
    # The largest logit is above 0, their mean; an int8 file gives all of them the scale of the
    # margin, and would clip those below 0 for the probabilities too, were it not for this layer.
    above = layers.ReLU(name="known_positive")(logits)
    column = layers.Reshape((-1, 1), name="known_logits")(above)
    margin = layers.GlobalMaxPooling1D(name="known_margin")(column)
    evidence = layers.Concatenate(name="known_evidence")([margin, residual])
    known = layers.Dense(1, "sigmoid", kernel_initializer="zeros", dtype="float32", name=KNOWN)(
        evidence
    )
    return keras.Model(model.inputs[0], [model.outputs[0], known], name=model.name)


def leveled(
    features: keras.KerasTensor, suffix: str, prefix: str = "known", floor: float = EPSILON
) -> keras.KerasTensor:
    """Return features (..., width) as `novelty.level` does those of a stage.

    Args:
        features: Pooled, or a map, of which each place is leveled.
        suffix: Of the names of the layers.
        prefix: Of the same.
        floor: What is added to the mean square.
    """
    layers, constant = keras.layers, keras.initializers.Constant
    square = layers.Multiply(name=f"{prefix}_square{suffix}")([features, features])
    power = layers.Dense(
        1,
        kernel_initializer=constant(1 / features.shape[-1]),
        bias_initializer=constant(floor),
        trainable=False,
        name=f"{prefix}_power{suffix}",
    )(square)
    scale = keras.ops.rsqrt(power)
    scale._keras_history.operation.name = f"{prefix}_scale{suffix}"  # as above
    return layers.Multiply(name=f"{prefix}_level{suffix}")([features, scale])


def set_known(model: keras.Model, novelty: Novelty) -> None:
    """Set the weights of the output `known`; the head's logits must have a mean of 0."""
    for name, weights in known_weights(novelty).items():
        model.get_layer(name).set_weights(weights)


def known_embedding(model: keras.Model) -> keras.Model:
    """Return the network up to the features that `known` reads: (batch, width)."""
    return keras.Model(model.inputs[0], model.get_layer(STANDARDIZE).input)


def pooled_widths(model: keras.Model) -> list[int]:
    """Return the widths of the maps that `known` reads, in their order."""
    pooled = (layer for layer in model.layers if layer.name.startswith("known_pooled_"))
    return [layer.output.shape[-1] for layer in pooled]
