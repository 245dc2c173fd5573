"""The convex problem behind a linear head: principal axes, the loss, L-BFGS.

    minimise over W, b:   sum_i s_i * -log softmax(x_i W + b)[y_i] / sum_i s_i  +  penalty/2 * |W|^2

Features are centred and turned to their principal axes once; there a diagonal scaling (Böhning's
bound on the curvature) lets L-BFGS converge in a few dozen steps for every penalty and every fold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_BLOCK = 1024


@dataclass(frozen=True)
class PrincipalAxes:
    """Features on their principal axes: `rows = (features - mean) @ rotation`."""

    rows: np.ndarray
    mean: np.ndarray
    rotation: np.ndarray
    variances: np.ndarray


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax, safe for large logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def principal_axes(features: np.ndarray, blocks: Sequence[int]) -> PrincipalAxes:
    """Centre, scale to mean variance one, and rotate, in place; axes without variance go."""
    from scipy.linalg import eigh

    n, d = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    features -= mean.astype(features.dtype)
    evened = _equalize_variance(features, blocks)
    # The smaller of the two Gram matrices has the same spectrum; eigh of it is cheaper than an SVD.
    gram = features.T @ features if d <= n else features @ features.T
    scale = float(np.sqrt(np.trace(gram, dtype=np.float64) / (n * d)))
    if not scale > 0:
        return PrincipalAxes(np.zeros((n, 1), np.float32), mean, np.zeros((d, 1)), np.zeros(1))
    gram /= n * scale**2
    # This driver is not the fastest; its work space is the smallest.
    values, vectors = eigh(gram, overwrite_a=True, driver="evr")
    kept = slice(int(np.searchsorted(values, values[-1] * 1e-7, side="right")), None)
    values, rotation = values[kept], vectors[:, kept]
    if d > n:
        rotation = features.T @ (rotation / np.sqrt(values * n)) / scale
    rotation /= scale
    for start in range(0, n, _BLOCK):
        block = slice(start, start + _BLOCK)
        features[block, : len(values)] = features[block] @ rotation
    return PrincipalAxes(features[:, : len(values)], mean, evened[:, None] * rotation, values)


def _equalize_variance(features: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
    """Give several blocks of centred columns the same variance, in place; the factors."""
    factors = np.ones(features.shape[1], features.dtype)
    if len(blocks) < 2:
        return factors
    ends = np.cumsum(blocks)
    for start, end in zip(ends - blocks, ends, strict=True):
        variance = float(np.square(features[:, start:end], dtype=np.float64).mean())
        factors[start:end] = 1 / np.sqrt(variance) if variance > 0 else 1.0
    features *= factors
    return factors


def solve(
    axes: PrincipalAxes,
    labels: np.ndarray,
    n_classes: int,
    penalty: float,
    class_weights: bool,
    tolerance: float,
    rows: np.ndarray,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """The optimum (axes + 1, classes), its last row the bias, in the coordinates of `axes`."""
    from scipy.optimize import minimize

    x = axes.rows
    # Rows left out weigh nothing: a copy of the others for every fold would fill the memory.
    weights = np.zeros(len(x), np.float32)
    weights[rows] = row_weights(labels[rows], n_classes, class_weights)
    targets = np.eye(n_classes, dtype=np.float32)[labels]
    # Böhning (1992): the Hessian of the softmax loss is at most half the features' covariance.
    curvature = np.append(0.5 * axes.variances + penalty, 0.5)
    unscale = (1 / np.sqrt(curvature))[:, None].astype(np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat.reshape(-1, n_classes).astype(np.float32) * unscale
        p = softmax(x @ coefficients[:-1] + coefficients[-1])
        residual = (p - targets) * weights[:, None]
        gradient = np.vstack([x.T @ residual + penalty * coefficients[:-1], residual.sum(0)])
        value = log_loss(p, labels, weights)
        value += 0.5 * penalty * float(np.sum(np.square(coefficients[:-1], dtype=np.float64)))
        return value, (gradient * unscale).ravel().astype(np.float64)

    shape = (x.shape[1] + 1, n_classes)
    first = np.zeros(shape) if start is None else start / unscale
    options = {"maxiter": 200, "maxcor": 10, "ftol": tolerance, "gtol": 1e-5}
    result = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    return result.x.reshape(shape) * unscale


def row_weights(labels: np.ndarray, n_classes: int, balanced: bool) -> np.ndarray:
    """Weights that sum to one: equal by row, or equal by class."""
    counts = np.bincount(labels, minlength=n_classes)
    weights = 1 / counts[labels] if balanced else np.ones(len(labels))
    return weights / weights.sum()


def log_loss(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-(weights * np.log(np.maximum(chosen, 1e-12))).sum(dtype=np.float64))
