"""A linear head for targets other than one class an image: several labels, or a number.

As in `linear_head`: an optimum on stored features, at the L2 penalty with the least held-out loss.
All labels share one penalty. On composed images of ten folders, with 60, 150 and 500 images, one of
each label's own was worse, worse and as good (log loss .495 to .466, .435 to .430, .405 to .406).
A number's is chosen by the same folds: leaving out one image at a time would separate images of one
group, and was no better where there are none (error .501 of the median's to .499).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from tlearn.data.intervals import group_indices
from tlearn.data.split import Fold
from tlearn.features.head import ACTIVATIONS, CrossValidation, LinearHead
from tlearn.features.label_regression import label_losses, label_weights, solve_labels
from tlearn.features.linear_head import (
    EXACT,
    PENALTIES,
    ROUGH,
    Attempt,
    least_loss,
    one_fold_per_core,
)
from tlearn.features.logistic_regression import PrincipalAxes, principal_axes
from tlearn.features.ridge import solve_ridge
from tlearn.features.rows_on_disk import RowsOnDisk, axes_of

_LEAST = 1e-12

_STRONGER = (1e3, 1e2)
"""Penalties that a number needs beside those of classes: its loss is more curved."""


def solve_targets(
    features: np.ndarray | RowsOnDisk,
    targets: np.ndarray,
    task: str,
    penalty: float,
    *,
    class_weights: bool = False,
    log: bool = False,
    in_place: bool = False,
    blocks: Sequence[int] = (),
) -> LinearHead:
    """Solve the head on all rows.

    Args:
        features: (n, d) embeddings, float32.
        targets: (n, labels) of 0 and 1, NaN where nobody knows, or (n, 1) numbers.
        task: "labels" or "number".
        penalty: L2 strength, in units of the features' mean variance.
        class_weights: Weigh rows so that those with a label and those without it count the same.
        log: Predict the logarithm of a number, which is greater than 0, and answer its exponential.
        in_place: Work in the memory of `features`, which are overwritten.
        blocks: Widths of features of several stages, as for `solve_head`.

    Returns:
        The head in the units of `features` and of the targets.
    """
    with one_fold_per_core():
        axes = axes_of(features if in_place else features.copy(), blocks)
        solve = _solver(task, axes, class_weights)
        coefficients = solve(np.log(targets) if log else targets, penalty, EXACT)
    kernel = axes.rotation @ coefficients[:-1]
    bias = coefficients[-1] - axes.mean @ kernel
    activation = _activation(task, log)
    return LinearHead(kernel.astype(np.float32), bias.astype(np.float32), penalty, activation)


def cross_validate_targets(
    features: np.ndarray,
    targets: np.ndarray,
    task: str,
    folds: Sequence[Fold],
    *,
    class_weights: bool = False,
    log: bool = False,
    in_place: bool = False,
    blocks: Sequence[int] = (),
) -> CrossValidation:
    """Choose the penalty by held-out loss, as `cross_validate` does, and score the answers.

    The mean of the scores is the share that the head takes away of the loss of always answering the
    same, the shares of the labels or the median: 1 is perfect, 0 no better. The loss is the log
    loss of the labels, or the absolute error of the number.

    Args:
        features: (n, d) embeddings, float32.
        targets: See `solve_targets`.
        task: "labels" or "number".
        folds: Pairs of row indices (to solve on, held out).
        class_weights: See `solve_targets`.
        log: See `solve_targets`.
        in_place: See `solve_targets`.
        blocks: See `solve_targets`.
    """
    judged = np.concatenate([out for _, out in folds])
    fitted = np.log(targets) if log else targets
    loss_of = label_losses if task == "labels" else _squares
    weights = label_weights(targets[judged], class_weights and task == "labels")
    with one_fold_per_core() as pool:
        axes = principal_axes(features if in_place else features.copy(), blocks)
        solve = _solver(task, axes, class_weights)

        def solve_fold(rows: np.ndarray, penalty: float, start: np.ndarray | None) -> np.ndarray:
            seen = np.full_like(fitted, np.nan)  # weights of 0 beside a copy of the features
            seen[rows] = fitted[rows]
            return solve(seen, penalty, ROUGH, start=start)

        def attempt(penalty: float, tried: Sequence[Attempt]) -> Attempt:
            nearest = sorted(tried, key=lambda one: abs(np.log(one.penalty / penalty)))[:1]
            starts = nearest[0].coefficients if nearest else [None] * len(folds)
            tasks = [
                pool.submit(solve_fold, rows, penalty, start)
                for (rows, _), start in zip(folds, starts, strict=True)
            ]
            coefficients = [task.result() for task in tasks]
            logits = np.full(targets.shape, np.nan)
            for (_, out), solved in zip(folds, coefficients, strict=True):
                logits[out] = axes.rows[out] @ solved[:-1] + solved[-1]
            loss = float(np.nansum(weights * loss_of(logits[judged], fitted[judged])))
            return Attempt(penalty, loss, coefficients, logits)

        best = least_loss(attempt, PENALTIES if task == "labels" else (*_STRONGER, *PENALTIES))
    answers, scores = np.full(targets.shape, np.nan), np.full(len(targets), np.nan)
    answers[judged] = ACTIVATIONS[_activation(task, log)](best.held_out[judged])
    scores[judged] = _scores(answers[judged], targets[judged], weights, task)
    per_fold = tuple(float(np.nanmean(scores[out])) for _, out in folds)
    return CrossValidation(best.penalty, answers, float(np.nanmean(scores)), per_fold, scores)


def log_is_better(plain: CrossValidation, log: CrossValidation, groups: Sequence[str]) -> bool:
    """Return whether the logarithm lowers a number's absolute error by more than a standard error.

    Args:
        plain: Of the number itself.
        log: Of its logarithm, on the same folds.
        groups: (n,) what images of a group share; nothing where it is not known.
    """
    assert plain.scores is not None and log.scores is not None
    judged = plain.judged
    gain = np.where(judged, log.scores - plain.scores, 0)
    mean = gain.sum() / judged.sum()
    sums = np.bincount(group_indices(len(gain), groups), weights=judged * (gain - mean))
    return len(sums) > 1 and bool(mean * judged.sum() > np.sqrt(np.square(sums).sum()))


def _solver(task: str, axes: PrincipalAxes, class_weights: bool) -> Callable[..., np.ndarray]:
    if task == "labels":
        return partial(solve_labels, axes, balanced=class_weights)
    return partial(solve_ridge, axes)


def _activation(task: str, log: bool) -> str:
    return "sigmoid" if task == "labels" else "exponential" if log else "linear"


def _squares(answers: np.ndarray, targets: np.ndarray) -> np.ndarray:
    return np.square(answers - targets)


def _scores(answers: np.ndarray, targets: np.ndarray, weights: np.ndarray, task: str) -> np.ndarray:
    """Return the scores of rows; see `cross_validate_targets`."""
    if task == "number":
        losses, usual = abs(answers - targets), abs(targets - np.nanmedian(targets, axis=0))
    else:
        share = np.nansum(weights * targets, axis=0) / np.maximum(weights.sum(axis=0), _LEAST)
        losses, usual = (
            -np.log(np.maximum(np.where(targets == 1, p, 1 - p), _LEAST)) for p in (answers, share)
        )
    known = weights.any(axis=1)
    losses, usual = (np.nansum(weights * loss, axis=1) for loss in (losses, usual))
    return np.where(known, 1 - losses / (usual[known].mean() or 1), np.nan)
