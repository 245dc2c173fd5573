"""Labels solved together against an independent solver of each."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.features.label_regression import label_losses, label_weights, sigmoid, solve_labels
from tlearn.features.logistic_regression import PrincipalAxes, principal_axes


def draw(n: int, d: int, labels: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3).astype(np.float32)
    logits = (x - 3) @ rng.normal(size=(d, labels)) / d + rng.normal(size=labels)
    return x, (rng.random(logits.shape) < sigmoid(logits)).astype(float)


def loss(axes: PrincipalAxes, w: np.ndarray, y: np.ndarray, s: np.ndarray, penalty: float) -> float:
    known, w = s > 0, w.astype(float)
    data = label_losses(axes.rows[known] @ w[:-1] + w[-1], y[known])
    return float((s[known] * data).sum() + penalty / 2 * np.square(w[:-1]).sum())


@pytest.mark.parametrize("penalty", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize(("n", "d"), [(150, 8), (40, 100)])
@pytest.mark.parametrize("balanced", [False, True])
def test_each_label_has_the_optimum_of_scikit_learn(
    n: int, d: int, penalty: float, balanced: bool
) -> None:
    from sklearn.linear_model import LogisticRegression

    x, targets = draw(n, d, 4)
    targets[: n // 2, 1] = np.nan
    axes = principal_axes(x, ())
    found = solve_labels(axes, targets, penalty, 1e-4, balanced=balanced)
    for w, y, s in zip(found.T, targets.T, label_weights(targets, balanced).T, strict=True):
        known = s > 0
        model = LogisticRegression(C=1 / penalty, max_iter=10_000, tol=1e-10)
        model.fit(axes.rows[known].astype(float), y[known], s[known])
        least = loss(axes, np.append(model.coef_[0], model.intercept_), y, s, penalty)
        assert loss(axes, w, y, s, penalty) == pytest.approx(least, rel=1e-4)


def test_a_label_of_all_rows_or_none_gets_a_constant() -> None:
    x, targets = draw(50, 6, 3)
    targets[:, 0], targets[:, 2] = 1, 0
    targets[10:, 2] = np.nan
    found = solve_labels(principal_axes(x, ()), targets, 0.1, 1e-4)
    assert not found[:-1, [0, 2]].any() and found[:-1, 1].any()
    np.testing.assert_allclose(sigmoid(found[-1, [0, 2]]), [50.5 / 51, 0.5 / 11], rtol=1e-5)


def test_a_label_that_nobody_knows_is_as_likely_as_not() -> None:
    x, targets = draw(50, 6, 2)
    targets[:, 1] = np.nan
    found = solve_labels(principal_axes(x, ()), targets, 0.1, 1e-4)
    assert not found[:, 1].any()


def test_labels_do_not_influence_each_other() -> None:
    x, targets = draw(80, 10, 3)
    axes = principal_axes(x, ())
    together = solve_labels(axes, targets, 0.1, 1e-9)
    alone = solve_labels(axes, targets[:, [1]], 0.1, 1e-9)
    np.testing.assert_allclose(together[:, [1]], alone, atol=1e-3)


def test_a_start_does_not_change_the_optimum() -> None:
    x, targets = draw(80, 10, 3)
    axes = principal_axes(x, ())
    cold = solve_labels(axes, targets, 0.1, 1e-9)
    np.testing.assert_allclose(
        solve_labels(axes, targets, 0.1, 1e-9, start=cold + 1), cold, atol=2e-3
    )


def test_weights_are_equal_by_row_or_by_side() -> None:
    targets = np.array([[1, 1], [0, np.nan], [0, 1], [0, 0]])
    np.testing.assert_allclose(
        label_weights(targets, balanced=False),
        [[0.25, 0.25], [0.25, 0], [0.25, 0.25], [0.25, 0.25]],
    )
    np.testing.assert_allclose(
        label_weights(targets, balanced=True),
        [[1 / 2, 3 / 16], [1 / 6, 0], [1 / 6, 3 / 16], [1 / 6, 3 / 8]],
    )
