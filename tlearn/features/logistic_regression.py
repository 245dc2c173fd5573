"""Multinomial logistic regression with an L2 penalty, by L-BFGS on principal axes.

    minimize over W, b:   sum_i s_i * -log softmax(x_i W + b)[y_i] / sum_i s_i  +  penalty/2 * |W|^2

Features are centered and rotated to their principal axes once; there a diagonal scaling (Böhning's
bound on the curvature) lets L-BFGS converge in a few dozen steps for every penalty and every fold.

References:
    Böhning, D. (1992). Multinomial logistic regression algorithm. Annals of the Institute of
    Statistical Mathematics 44, 197-200.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_BLOCK = 1024


@dataclass(frozen=True)
class PrincipalAxes:
    """Features on their principal axes: `rows = (features - mean) @ rotation`.

    Attributes:
        rows: (n, axes).
        mean: (features,).
        rotation: (features, axes), scaled so that the variances of the features have mean one.
        variances: (axes,), of the columns of `rows`, in ascending order.
    """

    rows: np.ndarray
    mean: np.ndarray
    rotation: np.ndarray
    variances: np.ndarray


@dataclass(frozen=True)
class LogisticProblem:
    """A linear head to be solved, whatever the penalty and the rows.

    Attributes:
        axes: Features on their principal axes.
        labels: (n,) class indices.
        n_classes: Number of classes.
        class_weights: Weigh rows so that every class counts the same.
    """

    axes: PrincipalAxes
    labels: np.ndarray
    n_classes: int
    class_weights: bool


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of each row; large logits do not overflow."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def principal_axes(features: np.ndarray, blocks: Sequence[int]) -> PrincipalAxes:
    """Rotate features to their principal axes, in place, and drop axes without variance.

    Args:
        features: (n, d); its memory becomes that of the rows.
        blocks: Widths of groups of columns that are given the same variance first.
    """
    from scipy.linalg import eigh

    n, d = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    features -= mean.astype(features.dtype)
    factors = _equalize_variance(features, blocks)
    # The smaller of the two Gram matrices has the same spectrum; eigh of it is cheaper than an SVD.
    gram = features.T @ features if d <= n else features @ features.T
    scale = float(np.sqrt(np.trace(gram, dtype=np.float64) / (n * d)))
    if not scale > 0:
        return PrincipalAxes(np.zeros((n, 1), np.float32), mean, np.zeros((d, 1)), np.zeros(1))
    gram /= n * scale**2
    # This driver is not the fastest, but needs the least memory.
    values, vectors = eigh(gram.T, overwrite_a=True, driver="evr")  # in LAPACK's order: no copy
    del gram
    first = int(np.searchsorted(values, values[-1] * 1e-7, side="right"))
    values, rotation = values[first:], vectors[:, first:]
    if d > n:
        rotation = features.T @ (rotation / np.sqrt(values * n)) / scale
    rotation /= scale
    for start in range(0, n, _BLOCK):
        block = slice(start, start + _BLOCK)
        features[block, : len(values)] = features[block] @ rotation
    rotation *= factors[:, None]
    return PrincipalAxes(features[:, : len(values)], mean, rotation, values)


def _equalize_variance(features: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
    """Give groups of centered columns the same variance, in place, and return the factors."""
    factors = np.ones(features.shape[1], features.dtype)
    if len(blocks) < 2:
        return factors
    ends = np.cumsum(blocks)
    for start, end in zip(ends - blocks, ends, strict=True):
        block = features[:, start:end]
        # Row by row: a copy in float64 would be twice as large as the features themselves.
        variance = sum(float(np.square(row, dtype=np.float64).sum()) for row in block) / block.size
        factors[start:end] = 1 / np.sqrt(variance) if variance > 0 else 1.0
    features *= factors
    return factors


def solve(
    problem: LogisticProblem,
    rows: np.ndarray,
    penalty: float,
    tolerance: float,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Solve a head on some of the rows.

    Args:
        problem: Features and labels.
        rows: Indices of the rows to solve on.
        penalty: L2 strength, in units of the features' mean variance.
        tolerance: Relative change of the loss at which L-BFGS stops.
        start: Coefficients to start from; zeros by default.

    Returns:
        Coefficients (axes + 1, classes) in the coordinates of the axes; the last row is the bias.
    """
    from scipy.optimize import minimize

    x, labels, n_classes = problem.axes.rows, problem.labels, problem.n_classes
    # Held-out rows get weight 0 instead of being copied out, to bound memory.
    weights = np.zeros(len(x), np.float32)
    weights[rows] = row_weights(labels[rows], n_classes, problem.class_weights)
    targets = np.eye(n_classes, dtype=np.float32)[labels]
    # Böhning (1992): the Hessian of the softmax loss is at most half the features' covariance.
    curvature = np.append(0.5 * problem.axes.variances + penalty, 0.5)
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
    """Return weights of rows that sum to one.

    Args:
        labels: (n,) class indices.
        n_classes: Number of classes.
        balanced: Whether every class counts the same; else every row does.
    """
    counts = np.bincount(labels, minlength=n_classes)
    weights = 1 / counts[labels] if balanced else np.ones(len(labels))
    return weights / weights.sum()


def log_loss(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    """Return the weighted sum of -log p(true class), p clipped to at least 1e-12, in nats."""
    true_class = probabilities[np.arange(len(labels)), labels]
    return float(-(weights * np.log(np.maximum(true_class, 1e-12))).sum(dtype=np.float64))
