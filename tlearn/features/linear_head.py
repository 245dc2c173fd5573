"""A linear head on stored features, solved to its optimum.

    minimise over W, b:   sum_i s_i * -log softmax(x_i W + b)[y_i] / sum_i s_i  +  penalty/2 * |W|^2

Multinomial logistic regression is convex, so there is one answer and no learning rate.
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

from tlearn.data.split import Fold
from tlearn.features.logistic_regression import (
    log_loss,
    principal_axes,
    row_weights,
    softmax,
    solve,
)

PENALTIES = (1e1, 1e0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
"""Strengths of the L2 penalty tried, strong to weak, on features of mean variance one."""

_HALF_STEP = 10**0.5
_EXACT, _ROUGH = 1e-7, 1e-5
"""Relative change of the loss at which L-BFGS stops: for a head that is kept, and for a fold."""

SOLVER_VERSION = 1
"""Raised when the solver's answers change, so that remembered ones are not taken for them."""


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

    @property
    def folds(self) -> int:
        """How many there were."""
        return len(self.fold_accuracies)

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
        except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
            return None


@dataclass(frozen=True)
class _Attempt:
    """One penalty on all folds: the held-out loss, each fold's answer, what they predicted."""

    penalty: float
    loss: float
    answers: Sequence[np.ndarray]
    held_out: np.ndarray


def solve_head(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    penalty: float,
    class_weights: bool = False,
    in_place: bool = False,
    blocks: Sequence[int] = (),
) -> LinearHead:
    """Solve the head on all rows.

    Args:
        features: (n, d) embeddings, float32.
        labels: (n,) class indices.
        n_classes: Number of classes; a class without rows gets a head that never wins.
        penalty: L2 strength, in units of the features' mean variance.
        class_weights: Weigh rows so that every class counts the same.
        in_place: Work in the memory of `features`: a copy is the largest thing there is.
        blocks: Widths of features of several kinds that stand side by side: each kind is given
            the same variance before the penalty is laid on.

    Returns:
        The head in the units of `features`.
    """
    with _one_fold_a_core():
        axes = principal_axes(features if in_place else features.copy(), blocks)
        everything = np.arange(len(labels))
        solution = solve(axes, labels, n_classes, penalty, class_weights, _EXACT, everything)
    kernel = axes.rotation @ solution[:-1]
    bias = solution[-1] - axes.mean @ kernel
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), penalty)


def cross_validate(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    class_weights: bool = False,
    in_place: bool = False,
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
        in_place: Work in the memory of `features`: a copy is the largest thing there is.
        blocks: See `solve_head`.
    """
    seen = np.concatenate([out for _, out in folds])
    weights = row_weights(labels[seen], n_classes, class_weights)
    with _one_fold_a_core() as pool:
        axes = principal_axes(features if in_place else features.copy(), blocks)

        def attempt(penalty: float, before: _Attempt | None) -> _Attempt:
            one_fold = partial(solve, axes, labels, n_classes, penalty, class_weights, _ROUGH)
            starts = before.answers if before else [None] * len(folds)
            answers = list(pool.map(one_fold, (rows for rows, _ in folds), starts))
            held_out = np.zeros((len(labels), n_classes))
            for (_, out), answer in zip(folds, answers, strict=True):
                held_out[out] = softmax(axes.rows[out] @ answer[:-1] + answer[-1])
            loss = log_loss(held_out[seen], labels[seen], weights)
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


def held_out_probabilities(
    features: np.ndarray,
    labels: np.ndarray,
    n_classes: int,
    folds: Sequence[Fold],
    penalty: float,
    class_weights: bool = False,
    blocks: Sequence[int] = (),
) -> list[np.ndarray]:
    """What heads of one penalty, each solved on a fold's rows, say of the rows it holds out.

    Arguments are those of `cross_validate`; folds need not divide the rows between them.
    """
    with _one_fold_a_core() as pool:
        axes = principal_axes(features.copy(), blocks)
        one_fold = partial(solve, axes, labels, n_classes, penalty, class_weights, _ROUGH)
        answers = pool.map(one_fold, (rows for rows, _ in folds))
        return [
            softmax(axes.rows[out] @ answer[:-1] + answer[-1])
            for (_, out), answer in zip(folds, answers, strict=True)
        ]


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
