"""One number that makes probabilities mean what they say.

    p_T = softmax(logits / T),   T = argmin  sum_i -log p_T(y_i)  +  (log T)² / 2s²

A larger T makes answers less sure; their order stays. The penalty keeps a few images from saying
much: it is a normal prior on log T.

References:
    Guo et al. 2017, On Calibration of Modern Neural Networks; the prior is ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tlearn.confidence.answers import logits_of

_PRIOR = 0.5
"""Standard deviation of log T before any image was seen."""

_WIDEST = 3.0
"""Largest |log T|."""

_LEAST_GAIN = 1.0
"""Nats in all by which T must explain the answers better than 1: Akaike's price of a parameter."""


@dataclass(frozen=True)
class Temperature:
    """A temperature, and where it comes from.

    Attributes:
        value: What logits are divided by; 1 where nothing better is known.
        fitted_on: "out-of-fold" for answers of heads that had not seen the image, "val" for the
            validation images, "out-of-fold and val" for both, "none" where there were neither.
        n: Number of images.
    """

    value: float
    fitted_on: str
    n: int


NO_TEMPERATURE = Temperature(1.0, "none", 0)


def fit_temperature(probabilities: np.ndarray, labels: np.ndarray, fitted_on: str) -> Temperature:
    """Fit the temperature to answers on images that the model was not trained on.

    Args:
        probabilities: (n, classes), before calibration.
        labels: (n,) class indices.
        fitted_on: See `Temperature`.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return NO_TEMPERATURE
    logits = logits_of(probabilities)

    def loss(log_t: float) -> float:
        return _nats(logits / np.exp(log_t), labels) + log_t**2 / (2 * _PRIOR**2)

    best = minimize_scalar(loss, bounds=(-_WIDEST, _WIDEST), method="bounded")
    gained = loss(0.0) - float(best.fun)
    value = float(np.exp(best.x)) if gained > _LEAST_GAIN else 1.0
    return Temperature(value, fitted_on, len(labels))


def with_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return softmax(log p / T), which is the softmax of logits that were divided by T.

    Args:
        probabilities: (n, classes).
        temperature: T; 1 / T takes a temperature back.
    """
    from scipy.special import softmax

    return softmax(logits_of(probabilities) / temperature, axis=1).astype(probabilities.dtype)


def _nats(logits: np.ndarray, labels: np.ndarray) -> float:
    from scipy.special import logsumexp

    return float((logsumexp(logits, axis=1) - logits[np.arange(len(labels)), labels]).sum())
