"""Multinomial logistic regression with an L2 penalty, by Newton's method on principal axes.

    minimize over W, b:   sum_i s_i * -log softmax(x_i W + b)[y_i] / sum_i s_i  +  penalty/2 * |W|^2

Features are centered and rotated to their principal axes once, for every penalty and every fold: no
more columns than rows, nothing is lost but axes with less than 1e-7 of the largest variance. There
the second derivatives are close to diagonal, so that conjugate gradients solve the equations of a
step in few products with the features, however many classes there are. The steps are inexact, the
optimum is not: the loss comes as near to it as the tolerance asks, or float32 allows.

References:
    Dembo, Eisenstat and Steihaug (1982). Inexact Newton methods. SIAM Journal on Numerical Analysis
    19, 400-408.
    Lin, Weng and Keerthi (2008). Trust region Newton method for large-scale logistic regression.
    Journal of Machine Learning Research 9, 627-650. We halve a step where they bound it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

_BLOCK = 1024
_MOST_STEPS, _MOST_HALVINGS, _MOST_PRODUCTS = 50, 20, 200

_INEXACT = 0.3
"""Length of the residual, of its first, at which the equations of a step count as solved."""

_LEAST_CURVATURE = 1e-6
"""Of 1 - |p|^2; float32 has no smaller one."""


@dataclass(frozen=True)
class PrincipalAxes:
    """Features on their principal axes: `rows = (features - mean) @ rotation`.

    Attributes:
        rows: (n, axes); they may be on disk.
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
        ordered: Whether each class is like those beside it, see `linear_head`.
    """

    axes: PrincipalAxes
    labels: np.ndarray
    n_classes: int
    class_weights: bool
    ordered: bool = False


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
    """Solve a head on some of the rows, by Newton's method.

    Args:
        problem: Features and labels.
        rows: Indices of the rows to solve on.
        penalty: L2 strength, in units of the features' mean variance.
        tolerance: A step that lowers the loss by no more than this share of it is the last. What is
            left to gain then is about a tenth of that.
        start: Coefficients to start from; zeros by default.

    Returns:
        Coefficients (axes + 1, classes) in the coordinates of the axes; the last row is the bias.
    """
    everything = len(rows) == len(problem.labels)  # a copy would be the largest array in memory
    labels = problem.labels if everything else problem.labels[rows]
    weights = row_weights(labels, problem.n_classes, problem.class_weights).astype(np.float32)
    x = problem.axes.rows if everything else problem.axes.rows[rows]
    pull = _bending(problem.n_classes) if problem.ordered else None
    objective = _Objective(x, problem.axes.variances, labels, weights, penalty, pull)
    shape = (x.shape[1] + 1, problem.n_classes)
    coefficients = np.zeros(shape, np.float32) if start is None else start
    p, loss = objective.evaluate(coefficients)
    for _ in range(_MOST_STEPS):
        step, decrease = _conjugate_gradients(
            partial(objective.curve, p),
            -objective.gradient(p, coefficients),
            objective.precondition(p),
        )
        for _ in range(_MOST_HALVINGS):
            tried_p, tried_loss = objective.evaluate(coefficients + step)
            if tried_loss < loss:
                break
            step /= 2
        else:
            break  # as near to the optimum as float32 comes
        coefficients, p, loss = coefficients + step, tried_p, tried_loss
        if decrease <= tolerance * loss:
            break
    return coefficients


@dataclass(frozen=True)
class _Objective:
    """The loss on some rows, with its derivatives where the probabilities are `p` (n, classes)."""

    x: np.ndarray
    variances: np.ndarray
    labels: np.ndarray
    weights: np.ndarray
    penalty: float
    pull: np.ndarray | None = None

    def evaluate(self, coefficients: np.ndarray) -> tuple[np.ndarray, float]:
        """Return probabilities and loss."""
        kernel, bias = coefficients[:-1], coefficients[-1]
        p, pulled = softmax(self.x @ kernel + bias), self._pulled(kernel)
        return p, log_loss(p, self.labels, self.weights) + self.penalty / 2 * _dot(kernel, pulled)

    def gradient(self, p: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        """Return the first derivatives."""
        residual = p * self.weights[:, None]
        residual[np.arange(len(p)), self.labels] -= self.weights
        return self._back(residual, coefficients)

    def curve(self, p: np.ndarray, direction: np.ndarray) -> np.ndarray:
        """Return the product of the second derivatives, never formed, with a direction."""
        change = self.x @ direction[:-1] + direction[-1]
        change -= np.einsum("ij,ij->i", change, p)[:, None]
        change *= p
        change *= self.weights[:, None]
        return self._back(change, direction)

    def precondition(self, p: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
        """Return what divides (axes + 1, classes) by about the diagonal of the second derivatives.

        As if p (1 - p) were the same for all rows and classes, its mean: then, on principal axes,
        there is nothing beside the diagonal but for what classes share. Where the penalty draws
        classes together, it is the diagonal on axes of its own.
        """
        mean = 1 - float(self.weights @ np.einsum("ij,ij->i", p, p))
        mean = max(mean, _LEAST_CURVATURE) / p.shape[1]
        if self.pull is None:
            scale = np.append(mean * self.variances + self.penalty, mean)[:, None]
            scale = scale.astype(np.float32)
            return lambda residual: residual / scale
        strengths, axes = np.linalg.eigh(self.pull)
        strengths[0] = strengths[1]  # of what all classes share, which makes no difference
        kernel = np.add.outer(mean * self.variances, self.penalty * strengths)
        by = np.vstack([kernel, np.full(p.shape[1], mean)]).astype(np.float32)
        return lambda residual: residual @ axes / by @ axes.T

    def _back(self, residual: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        kernel = self.x.T @ residual + np.float32(self.penalty) * self._pulled(coefficients[:-1])
        return np.vstack([kernel, residual.sum(axis=0)])

    def _pulled(self, kernel: np.ndarray) -> np.ndarray:
        return kernel if self.pull is None else kernel @ self.pull


def _bending(n_classes: int) -> np.ndarray:
    """Return M (classes, classes): w M w is how much a row w of the kernel bends."""
    n = np.arange(n_classes)
    mean = sum(np.eye(n_classes)[(n + step).clip(0, n_classes - 1)] for step in (-1, 1)) / 2
    bend = (np.eye(n_classes) - mean).astype(np.float32)
    return np.asarray(bend @ bend)


def _conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    residual: np.ndarray,
    precondition: Callable[[np.ndarray], np.ndarray],
) -> tuple[np.ndarray, float]:
    """Solve `product(step) = residual` roughly.

    Args:
        product: Multiplies by a symmetric positive matrix.
        residual: The right side; it is overwritten.
        precondition: Divides by about the diagonal of the matrix.

    Returns:
        The step, and by how much it lowers the quadratic function that is least at the solution.
    """
    step, decrease = np.zeros_like(residual), 0.0
    direction = precondition(residual)
    size = first = _dot(residual, direction)
    for _ in range(_MOST_PRODUCTS):
        if size <= _INEXACT**2 * first:
            break
        moved = product(direction)
        curvature = _dot(direction, moved)
        if curvature <= 0:  # flat in float32: every answer is certain
            break
        length = size / curvature
        step += length * direction
        residual -= length * moved
        decrease += length * size / 2
        scaled = precondition(residual)
        before, size = size, _dot(residual, scaled)
        direction = scaled + size / before * direction
    return step, decrease


def _dot(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.vdot(a, b))


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
