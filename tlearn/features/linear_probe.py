"""A linear head on stored features, solved to its optimum.

    minimise over W, b:   sum_i s_i * -log softmax(x_i W + b)[y_i] / sum_i s_i  +  penalty/2 * |W|^2

Multinomial logistic regression is convex, so there is one answer and no learning rate. Features are
centred and turned to their principal axes once; there a diagonal scaling (Böhning's bound on the
curvature) lets L-BFGS converge in a few dozen steps for every penalty and every fold.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

PENALTIES = (1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Strengths of the L2 penalty tried, strong to weak, on features of mean variance one."""

_HALF_STEP = 10**0.5
_BLOCK = 1024
_EXACT, _ROUGH = 1e-7, 1e-5
"""Relative change of the loss at which L-BFGS stops: for a head that is kept, and for a fold."""

SOLVER_VERSION = 1
"""Raised when the solver's answers change, so that remembered ones are not taken for them."""

Fold = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class LinearHead:
    """A solved head: `softmax(features @ kernel + bias)`.

    Attributes:
        kernel: (features, classes).
        bias: (classes,).
        penalty: Strength of the L2 penalty it was solved with.
    """

    kernel: np.ndarray
    bias: np.ndarray
    penalty: float

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """Class probabilities (n, classes) of features (n, d)."""
        return softmax(features @ self.kernel + self.bias)


@dataclass(frozen=True)
class CrossValidation:
    """What held-out folds said.

    Attributes:
        penalty: The chosen strength.
        probabilities: (n, classes), each row predicted by the head that did not see it.
        accuracy: Share of rows predicted right.
        fold_accuracies: One accuracy a fold.
    """

    penalty: float
    probabilities: np.ndarray
    accuracy: float
    fold_accuracies: tuple[float, ...]

    def write(self, path: Path) -> None:
        """Keep it in an .npz file."""
        np.savez(path, allow_pickle=False, **vars(self))

    @classmethod
    def read(cls, path: Path) -> CrossValidation | None:
        """What `write` kept, or None."""
        try:
            with np.load(path) as kept:
                folds = tuple(kept["fold_accuracies"].tolist())
                numbers = (float(kept["penalty"]), kept["probabilities"], float(kept["accuracy"]))
                return cls(*numbers, folds)
        except (OSError, KeyError, ValueError, zipfile.BadZipFile):
            return None


@dataclass(frozen=True)
class _Attempt:
    """One penalty on all folds: the held-out loss, each fold's answer, what they predicted."""

    penalty: float
    loss: float
    answers: Sequence[np.ndarray]
    held_out: np.ndarray


@dataclass(frozen=True)
class _Axes:
    """Features on their principal axes: `rows = (features - mean) @ turn`."""

    rows: np.ndarray
    mean: np.ndarray
    turn: np.ndarray
    variances: np.ndarray


def solve_head(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    penalty: float,
    class_weights: bool = False,
    overwrite: bool = False,
    blocks: Sequence[int] = (),
) -> LinearHead:
    """Solve the head on all rows.

    Args:
        features: (n, d) embeddings, float32.
        labels: (n,) class indices.
        n_classes: Number of classes; a class without rows gets a head that never wins.
        penalty: L2 strength, in units of the features' mean variance.
        class_weights: Weigh rows so that every class counts the same.
        overwrite: Work in the memory of `features`: a copy is the largest thing there is.
        blocks: Widths of features of several kinds that stand side by side: each kind is given
            the same variance before the penalty is laid on.

    Returns:
        The head in the units of `features`.
    """
    with _one_fold_a_core():
        axes = _principal_axes(features if overwrite else features.copy(), blocks)
        everything = np.arange(len(labels))
        solution = _solve(axes, labels, n_classes, penalty, class_weights, _EXACT, everything)
    kernel = axes.turn @ solution[:-1]
    bias = solution[-1] - axes.mean @ kernel
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), penalty)


def cross_validate(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    class_weights: bool = False,
    overwrite: bool = False,
    blocks: Sequence[int] = (),
) -> CrossValidation:
    """Choose the penalty by held-out log-likelihood and say how well the head does.

    The penalties are walked from strong to weak, each fold starting from its last answer, until
    the held-out loss rises, since it is nearly always unimodal in the penalty; then the half
    steps beside the best are tried.

    Args:
        features: (n, d) embeddings, float32.
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to solve on, held out).
        class_weights: Weigh rows so that every class counts the same.
        overwrite: Work in the memory of `features`: a copy is the largest thing there is.
        blocks: See `solve_head`.
    """
    seen = np.concatenate([out for _, out in folds])
    weights = _row_weights(labels[seen], n_classes, class_weights)
    with _one_fold_a_core() as pool:
        axes = _principal_axes(features if overwrite else features.copy(), blocks)

        def attempt(penalty: float, before: _Attempt | None) -> _Attempt:
            solve = partial(_solve, axes, labels, n_classes, penalty, class_weights, _ROUGH)
            starts = before.answers if before else [None] * len(folds)
            answers = list(pool.map(solve, (rows for rows, _ in folds), starts))
            held_out = np.zeros((len(labels), n_classes))
            for (_, out), answer in zip(folds, answers, strict=True):
                held_out[out] = softmax(axes.rows[out] @ answer[:-1] + answer[-1])
            loss = _log_loss(held_out[seen], labels[seen], weights)
            return _Attempt(penalty, loss, answers, held_out)

        best = last = attempt(PENALTIES[0], None)
        for penalty in PENALTIES[1:]:
            last = attempt(penalty, last)
            if not last.loss < best.loss:
                break
            best = last
        beside = [attempt(best.penalty * step, best) for step in (_HALF_STEP, 1 / _HALF_STEP)]
        best = min((best, *beside), key=lambda found: found.loss)
    right = best.held_out.argmax(1) == labels
    per_fold = tuple(float(right[out].mean()) for _, out in folds)
    return CrossValidation(best.penalty, best.held_out, float(right[seen].mean()), per_fold)


@contextmanager
def _one_fold_a_core() -> Iterator[ThreadPoolExecutor]:
    """Folds side by side, each on one thread of BLAS.

    Products this small gain nothing from BLAS's own threads, and where another process has a core
    those threads wait for each other: fifty times slower, measured.
    """
    import scipy.optimize  # noqa: F401 - its BLAS must be loaded before threads are limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(os.cpu_count()) as pool:
        yield pool


def softmax(logits: np.ndarray) -> np.ndarray:
    """Row-wise softmax, safe for large logits."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return shifted / shifted.sum(axis=1, keepdims=True)


def _principal_axes(features: np.ndarray, blocks: Sequence[int]) -> _Axes:
    """Centre, scale to mean variance one, and rotate, in place; axes without variance go."""
    from scipy.linalg import eigh

    n, d = features.shape
    mean = features.mean(axis=0, dtype=np.float64)
    features -= mean.astype(features.dtype)
    evened = _even(features, blocks)
    # The smaller of the two Gram matrices has the same spectrum; eigh of it is cheaper than an SVD.
    gram = features.T @ features if d <= n else features @ features.T
    scale = float(np.sqrt(np.trace(gram, dtype=np.float64) / (n * d)))
    if not scale > 0:
        return _Axes(np.zeros((n, 1), np.float32), mean, np.zeros((d, 1)), np.zeros(1))
    gram /= n * scale**2
    # This driver is not the fastest; its work space is the smallest.
    values, vectors = eigh(gram, overwrite_a=True, driver="evr")
    kept = slice(int(np.searchsorted(values, values[-1] * 1e-7, side="right")), None)
    values, turn = values[kept], vectors[:, kept]
    if d > n:
        turn = features.T @ (turn / np.sqrt(values * n)) / scale
    turn /= scale
    for start in range(0, n, _BLOCK):
        block = slice(start, start + _BLOCK)
        features[block, : len(values)] = features[block] @ turn
    return _Axes(features[:, : len(values)], mean, evened[:, None] * turn, values)


def _even(features: np.ndarray, blocks: Sequence[int]) -> np.ndarray:
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


def _solve(
    axes: _Axes,
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
    weights[rows] = _row_weights(labels[rows], n_classes, class_weights)
    targets = np.eye(n_classes, dtype=np.float32)[labels]
    # Böhning (1992): the Hessian of the softmax loss is at most half the features' covariance.
    curvature = np.append(0.5 * axes.variances + penalty, 0.5)
    unscale = (1 / np.sqrt(curvature))[:, None].astype(np.float32)

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        coefficients = flat.reshape(-1, n_classes).astype(np.float32) * unscale
        p = softmax(x @ coefficients[:-1] + coefficients[-1])
        residual = (p - targets) * weights[:, None]
        gradient = np.vstack([x.T @ residual + penalty * coefficients[:-1], residual.sum(0)])
        value = _log_loss(p, labels, weights)
        value += 0.5 * penalty * float(np.sum(np.square(coefficients[:-1], dtype=np.float64)))
        return value, (gradient * unscale).ravel().astype(np.float64)

    shape = (x.shape[1] + 1, n_classes)
    first = np.zeros(shape) if start is None else start / unscale
    options = {"maxiter": 200, "maxcor": 10, "ftol": tolerance, "gtol": 1e-5}
    result = minimize(loss, first.ravel(), jac=True, method="L-BFGS-B", options=options)
    return result.x.reshape(shape) * unscale


def _row_weights(labels: np.ndarray, n_classes: int, balanced: bool) -> np.ndarray:
    """Weights that sum to one: equal by row, or equal by class."""
    counts = np.bincount(labels, minlength=n_classes)
    weights = 1 / counts[labels] if balanced else np.ones(len(labels))
    return weights / weights.sum()


def _log_loss(probabilities: np.ndarray, labels: np.ndarray, weights: np.ndarray) -> float:
    chosen = probabilities[np.arange(len(labels)), labels]
    return float(-(weights * np.log(np.maximum(chosen, 1e-12))).sum(dtype=np.float64))
