"""The solver: principal axes, and an optimum where the gradient is zero."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from tlearn.features.linear_head import solve_head
from tlearn.features.logistic_regression import (
    LogisticProblem,
    log_loss,
    principal_axes,
    row_weights,
    softmax,
    solve,
)


def features(n: int, d: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3).astype(np.float32)


@pytest.mark.parametrize(("n", "d"), [(100, 8), (20, 50)])
def test_axes_are_uncorrelated_rotations_of_the_centered_features(n: int, d: int) -> None:
    x = features(n, d)
    axes = principal_axes(x.copy(), ())
    assert axes.rows.shape[1] == min(d, n - 1)
    np.testing.assert_allclose((x - axes.mean) @ axes.rotation, axes.rows, atol=1e-3)
    covariance = axes.rows.T @ axes.rows / n
    np.testing.assert_allclose(covariance, np.diag(axes.variances), atol=2e-3)
    assert axes.variances.sum() == pytest.approx(d, rel=1e-3)


def test_features_without_variance_have_one_empty_axis() -> None:
    axes = principal_axes(np.ones((4, 3), np.float32), ())
    assert axes.rows.shape == (4, 1) and not axes.rows.any()


def test_the_gradient_is_zero_at_the_optimum_of_the_chosen_rows() -> None:
    labels = np.random.default_rng(1).integers(0, 3, 100)
    problem = LogisticProblem(principal_axes(features(100, 8), ()), labels, 3, class_weights=True)
    rows = np.arange(0, 100, 2)
    kernel, bias = np.split(solve(problem, rows, penalty=0.1, tolerance=1e-12), [-1])
    x, weights = problem.axes.rows[rows], row_weights(labels[rows], 3, balanced=True)
    residual = (softmax(x @ kernel + bias) - np.eye(3)[labels[rows]]) * weights[:, None]
    np.testing.assert_allclose(x.T @ residual + 0.1 * kernel, 0, atol=1e-3)
    np.testing.assert_allclose(residual.sum(0), 0, atol=1e-3)


def test_the_least_loss_is_reached_where_a_weak_penalty_lets_classes_be_told_apart() -> None:
    x = features(200, 300)
    labels = np.random.default_rng(1).integers(0, 20, 200)
    head = solve_head(x, labels, 20, 1e-4)
    problem = LogisticProblem(principal_axes(x.copy(), ()), labels, 20, class_weights=False)
    best = solve(problem, np.arange(200), 1e-4, 1e-7)
    scale = float(x.var(axis=0).mean())  # the penalty counts on features of mean variance one
    losses = []
    for logits, squares in (
        (head.logits(x), scale * np.square(head.kernel).sum()),
        (problem.axes.rows @ best[:-1] + best[-1], np.square(best[:-1]).sum()),
    ):
        p = softmax(logits.astype(np.float64))
        losses.append(log_loss(p, labels, row_weights(labels, 20, False)) + 0.5e-4 * squares)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_start_from_where_every_answer_is_certain_is_kept() -> None:
    problem = LogisticProblem(
        principal_axes(np.repeat(np.float32([[0], [1]]), 4, axis=0), ()),
        np.repeat([0, 1], 4),
        2,
        class_weights=False,
    )
    certain = np.float32([[-1e4, 1e4], [0, 0]])
    found = solve(problem, np.arange(8), 0.0, 1e-6, start=certain)
    np.testing.assert_array_equal(found, certain)


def test_a_start_does_not_change_the_optimum() -> None:
    labels = np.arange(100) % 3
    problem = LogisticProblem(principal_axes(features(100, 8), ()), labels, 3, class_weights=False)
    cold = solve(problem, np.arange(100), 0.1, 1e-9)
    warm = solve(problem, np.arange(100), 0.1, 1e-9, start=cold + 1)
    # The loss has no minimum along a constant added to the bias of every class.
    cold[-1], warm[-1] = (x[-1] - x[-1].mean() for x in (cold, warm))
    np.testing.assert_allclose(warm, cold, atol=2e-3)


def test_weights_are_equal_by_row_or_by_class() -> None:
    labels = np.array([0, 0, 0, 1])
    np.testing.assert_allclose(row_weights(labels, 2, balanced=False), 0.25)
    np.testing.assert_allclose(row_weights(labels, 2, balanced=True), [1 / 6] * 3 + [1 / 2])


def test_extreme_logits_and_probabilities_stay_finite() -> None:
    np.testing.assert_allclose(softmax(np.array([[1e4, 0.0], [-1e4, -1e4]])), [[1, 0], [0.5, 0.5]])
    loss = log_loss(np.array([[1.0, 0.0]]), np.array([1]), np.ones(1))
    assert loss == pytest.approx(-np.log(1e-12))


def test_the_axes_take_little_more_memory_than_the_features() -> None:
    wide = np.random.default_rng(0).standard_normal((4000, 256)).astype(np.float32)
    tracemalloc.start()
    try:
        principal_axes(wide, [64, 192])
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < wide.nbytes / 2
