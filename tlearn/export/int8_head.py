"""A head refitted to what the network computes in int8.

The error that quantizing leaves in an embedding is to a large part the same for every image, and
a linear map of the embedding can take it back. So the head is solved again: on the embeddings
that the int8 network really computes, towards the logits of the float model.

    minimize over D, c:   sum_i |e_i W - q_i W - q_i D - c|^2  +  alpha |D|^2

with `e_i` and `q_i` an image's embedding in float and in int8 and `W` the head's kernel; alpha by
leaving one image out. Quantization-aware training has no tool for this Keras (tfmot stops at
Keras 2); this takes seconds, no labels and no rate.

References:
    Finkelstein et al. 2019, Fighting Quantization Bias With Bias (arXiv 1906.03193) corrects the
    biases of every layer; we correct the last layer, kernel and bias.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import keras
import numpy as np

from tlearn.confidence.answers import KNOWN
from tlearn.evaluation.predictions import predict_pixels
from tlearn.export.int8_known import known_logits, refit_known_for_int8
from tlearn.features.head import centered
from tlearn.features.int8 import int8_embeddings
from tlearn.models.classifier import HEAD

_STRENGTHS = np.logspace(-3, 1, 9)
"""Of the penalty, in units of the embeddings' variance."""

_LEAST = 1e-9


@contextmanager
def refit_head_for_int8(model: keras.Model, calibration: np.ndarray) -> Iterator[keras.Model]:
    """Yield the model with a head, and a `known`, for its int8 form; then it has its own again.

    Args:
        model: float32 classifier, from `build_classifier`.
        calibration: uint8 (n, H, W, 3), the images that the file will be calibrated on; the
            head is solved on them too.
    """
    head = model.get_layer(HEAD)
    weights = head.get_weights()
    wanted = known_logits(model, calibration) if KNOWN in model.output_names else None
    quantized = int8_embeddings(model, calibration, calibration)
    head.set_weights(_solve(model, weights, quantized, calibration))
    knows = nullcontext() if wanted is None else refit_known_for_int8(model, wanted, calibration)
    try:
        with knows:
            yield model
    finally:
        head.set_weights(weights)


def _solve(
    model: keras.Model, weights: list[np.ndarray], quantized: np.ndarray, pixels: np.ndarray
) -> list[np.ndarray]:
    from sklearn.linear_model import RidgeCV

    kernel, bias = weights
    network = keras.Model(model.inputs[0], model.get_layer(HEAD).input)
    residuals = (predict_pixels(network.predict_on_batch, pixels) - quantized) @ kernel
    spread = quantized.var(axis=0).mean() * len(quantized)  # 0 where int8 left nothing at all
    strengths = _STRENGTHS * max(float(spread), _LEAST)
    ridge = RidgeCV(strengths).fit(quantized, residuals)
    solved = kernel + ridge.coef_.T.reshape(kernel.shape), bias + ridge.intercept_
    answer = model.outputs[0]._keras_history.operation  # of a number, it has no activation
    softmax = getattr(answer, "activation", None) is keras.activations.softmax
    return [centered(weights) for weights in solved] if softmax else [*solved]
