"""Ridge regression against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.features.logistic_regression import principal_axes
from tlearn.features.ridge import solve_ridge


def draw(n: int, d: int, k: int = 2) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = (rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3).astype(np.float32)
    y = x @ rng.normal(size=(d, k)) / d + 0.3 * rng.normal(size=(n, k))
    return x, y * [1, 100][:k] + [0, 2000][:k]


@pytest.mark.parametrize("penalty", [10.0, 0.1, 1e-3])
@pytest.mark.parametrize(("n", "d"), [(150, 8), (40, 100)])
@pytest.mark.parametrize("some", [False, True])
def test_the_optimum_is_that_of_scikit_learn(n: int, d: int, penalty: float, some: bool) -> None:
    from sklearn.linear_model import Ridge

    x, y = draw(n, d)
    axes = principal_axes(x, ())
    rows = np.arange(0, n, 2) if some else np.arange(n)
    seen = np.full_like(y, np.nan)
    seen[rows] = y[rows]
    found = solve_ridge(axes, seen, penalty, 1e-5)
    model = Ridge(alpha=penalty * len(rows)).fit(axes.rows[rows].astype(float), y[rows])
    for column in range(2):
        losses = [
            np.square(axes.rows[rows] @ w + b - y[rows, column]).mean()
            + penalty * np.square(w).sum()
            for w, b in (
                (found[:-1, column], found[-1, column]),
                (model.coef_[column], model.intercept_[column]),
            )
        ]
        assert losses[0] == pytest.approx(losses[1], rel=1e-4, abs=1e-5 * y[:, column].var())


def test_one_value_for_all_is_the_answer_to_all() -> None:
    x, _ = draw(30, 5)
    found = solve_ridge(principal_axes(x, ()), np.full((30, 1), 7.0), 0.1, 1e-4)
    np.testing.assert_allclose(found, np.append(np.zeros(5), 7)[:, None], atol=1e-5)


def test_a_start_does_not_change_the_optimum() -> None:
    x, y = draw(60, 8)
    axes = principal_axes(x, ())
    seen = np.where(np.arange(60)[:, None] < 45, y, np.nan)
    cold = solve_ridge(axes, seen, 0.1, 1e-6)
    warm = solve_ridge(axes, seen, 0.1, 1e-6, start=solve_ridge(axes, seen, 10.0, 1e-6))
    np.testing.assert_allclose(warm, cold, rtol=1e-4, atol=1e-3)
