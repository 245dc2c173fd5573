"""The scale of `known`, set again for what the network computes in int8.

What `known` reads, a margin and a distance, moves in int8 for all images alike: many of one's own
would be refused, or none. So its logit gets the mean and the spread back that it has in float on
the calibration images. A regression on the logits in float would draw them together instead, and
refuse too few.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from tlearn.confidence.answers import KNOWN
from tlearn.evaluation.predictions import predict_pixels
from tlearn.features.int8 import int8_outputs
from tlearn.models.known_weights import RESIDUAL

_HEADROOM = 2.0
"""What int8 rounds adds to the distance: up to 1.8 times that in float was seen."""


@contextmanager
def even_evidence(model: keras.Model, calibration: np.ndarray) -> Iterator[None]:
    """Let the distance that `known` reads use the steps of int8; afterwards it is as it was.

    Int8 gives the margin and the distance one scale, and the margin is a hundred times larger:
    three steps were left of the distance. In float the model answers as before.

    Args:
        model: float32 classifier, with a `known` or without.
        calibration: See `refit_known_for_int8`.
    """
    if KNOWN not in model.output_names:
        yield
        return
    distance, known = model.get_layer(RESIDUAL), model.get_layer(KNOWN)
    (weights,), (kernel, bias) = distance.get_weights(), known.get_weights()
    margins, distances = predict_pixels(_evidence(model).predict_on_batch, calibration).max(axis=0)
    factor = margins / (_HEADROOM * distances) if min(margins, distances) > 0 else 1.0
    distance.set_weights([factor * weights])
    known.set_weights([kernel / [[1.0], [factor]], bias])
    try:
        yield
    finally:
        distance.set_weights([weights])
        known.set_weights([kernel, bias])


@contextmanager
def refit_known_for_int8(
    model: keras.Model, wanted: np.ndarray, calibration: np.ndarray
) -> Iterator[None]:
    """Give a model a `known` for its int8 form; afterwards it has its own again.

    Args:
        model: float32 classifier with a `known`, and with the head that int8 will have.
        wanted: (n,) logits of `known` in float, from `known_logits`.
        calibration: uint8 (n, H, W, 3), the images that the file will be calibrated on.
    """
    layer = model.get_layer(KNOWN)
    weights = kernel, bias = layer.get_weights()
    found = int8_outputs(_evidence(model), calibration, calibration) @ kernel
    if spread := float(found.std()):  # 0 where int8 left nothing at all
        factor = wanted.std() / spread
        offset = wanted.mean() - factor * found.mean()
        layer.set_weights([factor * kernel, np.full_like(bias, offset)])
    try:
        yield
    finally:
        layer.set_weights(weights)


def known_logits(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Return the logits of `known` in float for images uint8 (n, H, W, 3): (n,)."""
    kernel, bias = model.get_layer(KNOWN).get_weights()
    evidence = predict_pixels(_evidence(model).predict_on_batch, pixels)
    return np.asarray(evidence @ kernel + bias)[:, 0]


def _evidence(model: keras.Model) -> keras.Model:
    return keras.Model(model.inputs[0], model.get_layer(KNOWN).input)
