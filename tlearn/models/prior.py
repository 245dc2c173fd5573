"""A classifier that answers for classes as frequent as they are in use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tlearn.confidence.answers import PROBABILITIES
from tlearn.models.head_template import HEAD
from tlearn.models.known_weights import EPSILON

if TYPE_CHECKING:
    import keras

_PRIOR = "prior"


def with_prior_layer(
    model: keras.Model, trained_on: np.ndarray, expected: np.ndarray
) -> keras.Model:
    """Return the classifier with log(expected / trained_on) added to its logits.

    A layer of its own, and not the head's bias: `known` reads the logits before it. How like the
    training images an image is does not depend on how many of its class there are.

    Args:
        model: From `build_classifier`; its layers are shared.
        trained_on: (classes,) shares that the model learned.
        expected: (classes,) shares in use.
    """
    import keras

    add = keras.layers.BatchNormalization(
        center=False, scale=False, epsilon=EPSILON, trainable=False, dtype="float32", name=_PRIOR
    )
    logits = add(model.get_layer(HEAD).output)
    shift = np.log(expected / trained_on)
    add.set_weights([shift.mean() - shift, np.full(len(shift), 1 - EPSILON)])
    outputs = [model.get_layer(PROBABILITIES)(logits), *model.outputs[1:]]
    return keras.Model(model.inputs[0], outputs if outputs[1:] else outputs[0], name=model.name)
