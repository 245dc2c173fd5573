"""A linear head on stored features, solved to its optimum.

    minimize over W, b:   sum_i s_i * -log softmax(x_i W + b)[y_i] / sum_i s_i  +  penalty/2 * |W|^2

Multinomial logistic regression is convex, so there is one answer and no learning rate.

Of classes in order, the penalty is on how the columns w_k of W bend from class to class, with the
ends doubled (w_0 = w_1, w_K+1 = w_K):

    penalty/2 * sum_k |w_k - (w_k-1 + w_k+1) / 2|^2

For two classes that is |W|^2. On eight scales of three or five steps (blur, noise, light,
turning, spots and size in photos, a count of drawn dots), with 60 and 200 images to learn from, the
mean error of the middle answer is .61 and .49 steps. Without the order it is .66 and .54, of
cumulative logits (McCullagh 1980) .64 and .52, and of a regression for each step (Frank and Hall
2001) as without.

References:
    Gertheiss and Tutz (2009). Penalized regression with ordinal predictors. International
    Statistical Review 77, 345-365. There too, neighbors are drawn together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from tlearn.backend.device import usable_cores
from tlearn.data.sampling import stratified
from tlearn.data.split import Fold
from tlearn.features.head import CrossValidation, LinearHead
from tlearn.features.logistic_regression import (
    LogisticProblem,
    log_loss,
    principal_axes,
    row_weights,
    softmax,
    solve,
)
from tlearn.features.rows_on_disk import RowsOnDisk, axes_of

PENALTIES = (1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Strengths of the L2 penalty tried, strong to weak, on features of mean variance one."""

HALF_STEP = 10**0.5
EXACT, ROUGH = 3e-4, 1e-3
"""Tolerance of `solve` for the final head, within 1e-4 of the least loss, and for a fold: its
answers to held-out rows do not need more."""

TAUGHT_PENALTY = 0.3
"""Of a head on the few images that someone shows, too few to choose it by cross-validation."""

PART_ROWS = 50_000
"""Rows that a head on rows on disk is solved on before it is on all of them."""

SOLVER_VERSION = 3
"""Raised when the solver's results change, so that stored ones are not used any more."""


@dataclass(frozen=True)
class Attempt:
    """One penalty on all folds: held-out loss, coefficients of each fold, held-out answers."""

    penalty: float
    loss: float
    coefficients: Sequence[np.ndarray]
    held_out: np.ndarray


def solve_head(
    features: np.ndarray | RowsOnDisk,
    labels: np.ndarray,
    n_classes: int,
    penalty: float,
    *,
    class_weights: bool = False,
    ordered: bool = False,
    in_place: bool = False,
    blocks: Sequence[int] = (),
    tolerance: float = EXACT,
) -> LinearHead:
    """Solve the head on all rows.

    Args:
        features: (n, d) embeddings, float32; those on disk are solved on in place.
        labels: (n,) class indices.
        n_classes: Number of classes; a class without rows gets a head that never wins.
        penalty: L2 strength, in units of the features' mean variance.
        class_weights: Weigh rows so that every class counts the same.
        ordered: Whether each class is like those beside it.
        in_place: Work in the memory of `features`, which are overwritten: a copy would be the
            largest array in memory.
        blocks: Widths of features of several stages that stand side by side: each stage is given
            the same variance, so that the penalty treats them alike.
        tolerance: See `logistic_regression.solve`; 0 is as near to the optimum as float32 comes.

    Returns:
        The head in the units of `features`.
    """
    with one_fold_per_core():
        axes = axes_of(features if in_place else features.copy(), blocks)
        problem = LogisticProblem(axes, labels, n_classes, class_weights, ordered)
        coefficients = _solve_on_all(problem, penalty, tolerance)
    kernel = axes.rotation @ coefficients[:-1]
    bias = coefficients[-1] - axes.mean @ kernel
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), penalty)


def cross_validate(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    *,
    class_weights: bool = False,
    ordered: bool = False,
    in_place: bool = False,
    blocks: Sequence[int] = (),
) -> CrossValidation:
    """Choose the penalty by held-out log-likelihood, and measure the accuracy of the head.

    Args:
        features: (n, d) embeddings, float32.
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to solve on, held out).
        class_weights: Weigh rows so that every class counts the same.
        ordered: Whether each class is like those beside it.
        in_place: See `solve_head`.
        blocks: See `solve_head`.
    """
    judged = np.concatenate([out for _, out in folds])
    weights = row_weights(labels[judged], n_classes, class_weights)
    with one_fold_per_core() as pool:
        axes = principal_axes(features if in_place else features.copy(), blocks)
        problem = LogisticProblem(axes, labels, n_classes, class_weights, ordered)

        def attempt(penalty: float, tried: Sequence[Attempt]) -> Attempt:
            def solve_fold(fold: int) -> np.ndarray:
                start = _start({t.penalty: t.coefficients[fold] for t in tried}, penalty)
                return solve(problem, folds[fold][0], penalty, ROUGH, start)

            coefficients = [*pool.map(solve_fold, range(len(folds)))]
            held_out = np.zeros((len(labels), n_classes))
            for (_, out), solved in zip(folds, coefficients, strict=True):
                held_out[out] = _predict(axes.rows[out], solved)
            loss = log_loss(held_out[judged], labels[judged], weights)
            return Attempt(penalty, loss, coefficients, held_out)

        best = least_loss(attempt, PENALTIES)
    right = best.held_out.argmax(1) == labels
    per_fold = tuple(float(right[out].mean()) for _, out in folds)
    return CrossValidation(best.penalty, best.held_out, float(right[judged].mean()), per_fold)


def least_loss(
    attempt: Callable[[float, Sequence[Attempt]], Attempt], penalties: Sequence[float]
) -> Attempt:
    """Return the attempt with the least held-out loss.

    Penalties are tried from strong to weak until the loss rises, since it is nearly always unimodal
    in the penalty; then half a step to both sides of the best one.

    Args:
        attempt: Solves all folds at a penalty; given the last attempts, to start from.
        penalties: Strong to weak.
    """
    tried = [attempt(penalties[0], [])]
    for penalty in penalties[1:]:
        tried = [*tried[-2:], attempt(penalty, tried)]  # all that a start needs
        if not tried[-1].loss < tried[-2].loss:
            break
    best = min(tried, key=lambda one: one.loss)
    half_steps = [attempt(best.penalty * step, tried) for step in (HALF_STEP, 1 / HALF_STEP)]
    return min((best, *half_steps), key=lambda one: one.loss)


def held_out_probabilities(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    penalty: float,
    *,
    class_weights: bool = False,
    ordered: bool = False,
    in_place: bool = False,
    blocks: Sequence[int] = (),
) -> list[np.ndarray]:
    """Predict the rows that each fold holds out, with heads solved at one penalty.

    Args:
        features: (n, d) embeddings, float32.
        labels: (n,) class indices.
        n_classes: Number of classes.
        folds: Pairs of row indices (to solve on, held out); they need not cover all rows.
        penalty: L2 strength, in units of the features' mean variance.
        class_weights: Weigh rows so that every class counts the same.
        ordered: Whether each class is like those beside it.
        in_place: See `solve_head`.
        blocks: See `solve_head`.

    Returns:
        For each fold, (rows held out, n_classes).
    """
    with one_fold_per_core() as pool:
        axes = principal_axes(features if in_place else features.copy(), blocks)
        problem = LogisticProblem(axes, labels, n_classes, class_weights, ordered)
        solve_fold = partial(_solve_along, problem, penalty=penalty, tolerance=ROUGH)
        coefficients = pool.map(solve_fold, (rows for rows, _ in folds))
        return [
            _predict(axes.rows[out], solved)
            for (_, out), solved in zip(folds, coefficients, strict=True)
        ]


def _solve_on_all(problem: LogisticProblem, penalty: float, tolerance: float) -> np.ndarray:
    """Solve on all rows; of those on disk, from the optimum on a part of them, in memory."""
    labels, rows = problem.labels, np.arange(len(problem.labels))
    if not isinstance(problem.axes.rows, RowsOnDisk):
        return _solve_along(problem, rows, penalty, tolerance)
    part = stratified(labels, PART_ROWS, seed=0)
    axes = replace(problem.axes, rows=problem.axes.rows[part])
    small = replace(problem, axes=axes, labels=labels[part])
    start = _solve_along(small, np.arange(len(part)), penalty, ROUGH)
    return solve(problem, rows, penalty, tolerance, start)


def _solve_along(
    problem: LogisticProblem, rows: np.ndarray, penalty: float, tolerance: float
) -> np.ndarray:
    """Solve by way of the stronger penalties: in about two thirds of the time of a start from 0."""
    solved: dict[float, np.ndarray] = {}
    for stronger in PENALTIES:
        if stronger > penalty:
            start = _start(solved, stronger)
            solved[stronger] = solve(problem, rows, stronger, ROUGH, start)
    return solve(problem, rows, penalty, tolerance, _start(solved, penalty))


def _start(solved: Mapping[float, np.ndarray], penalty: float) -> np.ndarray | None:
    """Guess coefficients at a penalty, on a line in its logarithm through the two nearest ones.

    Where classes can be told apart, coefficients grow with that logarithm: such a start takes half
    as many products as one from the nearest.
    """
    nearest = sorted(solved, key=lambda other: abs(np.log(other / penalty)))[:2]
    if len(nearest) < 2:
        return solved[nearest[0]] if nearest else None
    first, second = nearest
    share = np.float32(np.log(penalty / first) / np.log(second / first))
    return solved[first] + share * (solved[second] - solved[first])


def _predict(rows: np.ndarray, coefficients: np.ndarray) -> np.ndarray:
    return softmax(rows @ coefficients[:-1] + coefficients[-1])


@contextmanager
def one_fold_per_core() -> Iterator[ThreadPoolExecutor]:
    """Open a pool that solves folds in parallel, each with one thread of BLAS.

    Products this small gain nothing from BLAS's own threads, and where another process uses a core
    those threads wait for each other: fifty times slower, measured.
    """
    import scipy.optimize  # noqa: F401 - its BLAS must be loaded before threads are limited
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1), ThreadPoolExecutor(usable_cores()) as pool:
        yield pool
