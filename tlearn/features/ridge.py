"""Ridge regression on principal axes.

    minimize over w, b:   mean over rows of (x_i w + b - y_i)^2  +  penalty * |w|^2

On all rows the equations are diagonal; on some of them they are close to it, and conjugate
gradients solve them in few products with the features.
"""

from __future__ import annotations

import numpy as np

from tlearn.features.label_regression import conjugate_gradients
from tlearn.features.logistic_regression import PrincipalAxes


def solve_ridge(
    axes: PrincipalAxes,
    targets: np.ndarray,
    penalty: float,
    tolerance: float,
    *,
    start: np.ndarray | None = None,
) -> np.ndarray:
    """Solve the regression of every column of the targets.

    Args:
        axes: Features on their principal axes.
        targets: (n, k); a row that is NaN does not count for that column.
        penalty: L2 strength, in units of the features' mean variance.
        tolerance: Length of the residual of the equations, of its first, at which they are solved.
        start: Coefficients to start from; zeros by default.

    Returns:
        Coefficients (axes + 1, k) in the coordinates of the axes; the last row is the bias.
    """
    known = ~np.isnan(targets)
    weights = (known / np.maximum(known.sum(axis=0), 1)).astype(np.float32)
    middle = (weights * np.where(known, targets, 0)).sum(axis=0, dtype=np.float64)
    centered = np.where(known, targets - middle, 0)
    spread = np.sqrt((weights * centered**2).sum(axis=0, dtype=np.float64))
    spread[spread == 0] = 1
    found = np.zeros((axes.rows.shape[1] + 1, targets.shape[1]), np.float32)
    if start is not None:
        found += start / spread
        found[-1] -= (middle / spread).astype(np.float32)

    def product(direction: np.ndarray) -> np.ndarray:
        change = weights * (axes.rows @ direction[:-1] + direction[-1])
        kernel = axes.rows.T @ change + np.float32(penalty) * direction[:-1]
        return np.vstack([kernel, change.sum(axis=0)])

    wanted = weights * (centered / spread).astype(np.float32)
    residual = np.vstack([axes.rows.T @ wanted, wanted.sum(axis=0)]) - product(found)
    scale = np.append(axes.variances + penalty, 1)[:, None].astype(np.float32)
    found = (found + conjugate_gradients(product, residual, scale, tolerance)[0]) * spread
    found[-1] += middle
    return found
