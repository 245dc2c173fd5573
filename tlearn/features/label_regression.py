"""Independent logistic regressions on the same features, all solved together.

    minimize over w, b:   sum_i s_i * log(1 + exp(-t_i (x_i w + b)))  +  penalty/2 * |w|^2

for each label, with t_i = 1 for images that have it and -1 for the others, and weights s_i of rows.
Newton's method on principal axes, its steps solved roughly by conjugate gradients, as in
`logistic_regression`. The labels share nothing but the features: one product with these serves all
of them, but each has its own lengths of steps, and is left out once it is solved.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from tlearn.features.logistic_regression import PrincipalAxes

_MOST_STEPS, _MOST_HALVINGS, _MOST_PRODUCTS = 50, 20, 200
_INEXACT = 0.3
_LEAST_CURVATURE = 1e-6


def solve_labels(
    axes: PrincipalAxes,
    targets: np.ndarray,
    penalty: float,
    tolerance: float,
    *,
    balanced: bool = False,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Solve the regression of every label.

    A label that every row has, or none, gets a constant: its share, with half a row added to both
    sides.

    Args:
        axes: Features on their principal axes.
        targets: (n, labels) of 0 and 1; a row that is NaN does not count for that label.
        penalty: L2 strength, in units of the features' mean variance.
        tolerance: A label is solved once a step lowers its loss by no more than this share of it.
        balanced: Weigh rows so that those with a label and those without it count the same.
        start: Coefficients to start from; those of constants by default.

    Returns:
        Coefficients (axes + 1, labels) in the coordinates of the axes; the last row is the bias.
    """
    has, lacks = (targets == 1).sum(axis=0), (targets == 0).sum(axis=0)
    coefficients = np.zeros((axes.rows.shape[1] + 1, targets.shape[1]), np.float32)
    coefficients[-1] = np.log((has + 0.5) / (lacks + 0.5))
    unsolved = np.flatnonzero((has > 0) & (lacks > 0))
    if start is not None:
        coefficients[:, unsolved] = start[:, unsolved]
    weights = label_weights(targets, balanced).astype(np.float32)
    objective = _Objective(axes, (targets == 1).astype(np.float32), weights, penalty)[unsolved]
    found = coefficients[:, unsolved]
    logits, loss = objective.evaluate(found)
    for _ in range(_MOST_STEPS):
        if not len(unsolved):
            break
        step, decrease = objective.step(logits, found)
        for _ in range(_MOST_HALVINGS):
            tried_logits, tried_loss = objective.evaluate(found + step)
            worse = ~(tried_loss < loss)
            if not worse.any():
                break
            step[:, worse] /= 2
        better = tried_loss < loss  # else as near to the optimum as float32 comes
        coefficients[:, unsolved[better]] = (found + step)[:, better]
        left = better & (decrease > tolerance * tried_loss)
        unsolved, objective = unsolved[left], objective[left]
        found, logits, loss = coefficients[:, unsolved], tried_logits[:, left], tried_loss[left]
    return coefficients


def label_weights(targets: np.ndarray, balanced: bool) -> np.ndarray:
    """Return weights (n, labels), 0 where a target is NaN; those of a label sum to its share of 1.

    Of n rows with any target, each known one weighs 1 / n, or, balanced, as much as makes the sums
    of both sides equal. A label known of few rows so has a weak say against its penalty.

    Args:
        targets: (n, labels) of 0, 1 and NaN.
        balanced: Whether rows with a label and rows without it count the same; else every row does.
    """
    known = ~np.isnan(targets)
    weights = known / max(known.any(axis=1).sum(), 1)
    if balanced:
        for side in (targets == 0, targets == 1):
            half = known.sum(axis=0) / np.maximum(2 * side.sum(axis=0), 1)
            weights *= np.where(side, half, 1)
    return np.asarray(weights)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return 1 / (1 + exp(-logit)); large logits do not overflow."""
    return np.exp(-np.logaddexp(0, -logits))


def label_losses(logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Return -log p(target), in nats, of each row and label."""
    return np.logaddexp(0, logits) - targets * logits


@dataclass(frozen=True)
class _Objective:
    """The losses of labels, with their derivatives; all arrays are (..., labels)."""

    axes: PrincipalAxes
    targets: np.ndarray
    weights: np.ndarray
    penalty: float

    def __getitem__(self, labels: np.ndarray) -> _Objective:
        """Return that of some of the labels."""
        return replace(self, targets=self.targets[:, labels], weights=self.weights[:, labels])

    def evaluate(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return logits and losses."""
        logits = self.axes.rows @ coefficients[:-1] + coefficients[-1]
        data = (self.weights * label_losses(logits, self.targets)).sum(axis=0, dtype=np.float64)
        return logits, data + self.penalty / 2 * _dot(coefficients[:-1], coefficients[:-1])

    def step(self, logits: np.ndarray, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return Newton's step of each label, roughly, and how much it lowers the loss."""
        p = sigmoid(logits)
        curvature = self.weights * p * (1 - p)
        mean = np.maximum(curvature.sum(axis=0), _LEAST_CURVATURE)
        scale = np.vstack([np.outer(self.axes.variances, mean) + self.penalty, mean])
        gradient = self._back(self.weights * (p - self.targets), coefficients)

        def product(direction: np.ndarray) -> np.ndarray:
            change = self.axes.rows @ direction[:-1] + direction[-1]
            return self._back(curvature * change, direction)

        return conjugate_gradients(product, -gradient, scale.astype(np.float32), _INEXACT)

    def _back(self, residual: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
        kernel = self.axes.rows.T @ residual + np.float32(self.penalty) * coefficients[:-1]
        return np.vstack([kernel, residual.sum(axis=0)])


def conjugate_gradients(
    product: Callable[[np.ndarray], np.ndarray],
    residual: np.ndarray,
    scale: np.ndarray,
    inexact: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Solve independent systems of equations, one a column, together.

    Args:
        product: Multiplies each column by its symmetric positive matrix.
        residual: The right sides; overwritten.
        scale: About the diagonals of the matrices.
        inexact: Length of the residual, of its first, at which a column counts as solved.

    Returns:
        The solutions, and by how much each lowers the quadratic function that is least there.
    """
    solution, decrease = np.zeros_like(residual), np.zeros(residual.shape[1])
    direction = residual / scale
    size = first = _dot(residual, direction)
    for _ in range(_MOST_PRODUCTS):
        moved = product(direction)
        curvature = _dot(direction, moved)
        open_ = (size > inexact**2 * first) & (curvature > 0)
        if not open_.any():
            break
        length = np.where(open_, size / np.where(open_, curvature, 1), 0)
        solution += length.astype(np.float32) * direction
        residual -= length.astype(np.float32) * moved
        decrease += length * size / 2
        scaled = residual / scale
        before, size = size, np.where(open_, _dot(residual, scaled), 0)
        direction = scaled + (size / np.maximum(before, 1e-300)).astype(np.float32) * direction
    return solution, decrease


def _dot(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the product of each column with its like."""
    return np.einsum("ij,ij->j", a, b).astype(np.float64)
