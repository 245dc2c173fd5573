"""The solved head against an independent solver, and cross-validation without leaks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlearn.features.head import CrossValidation, LinearHead
from tlearn.features.linear_head import (
    cross_validate,
    held_out_probabilities,
    softmax,
    solve_head,
)


def blobs(n: int, d: int, classes: int, spread: float = 1.0, seed: int = 0) -> tuple:
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    centers = rng.normal(size=(classes, d))
    features = (centers[labels] + spread * rng.normal(size=(n, d))).astype(np.float32)
    return features * rng.uniform(0.5, 3, d).astype(np.float32) + 2, labels


def folds_of(n: int, k: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    number = np.random.default_rng(0).permutation(n) % k
    return [(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(k)]


def objective(head: LinearHead, x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    true_class = softmax((x @ head.kernel + head.bias).astype(float))[np.arange(len(y)), y]
    return float(-np.log(true_class).mean() + penalty / 2 * np.square(head.kernel).sum())


@pytest.mark.parametrize(("n", "d"), [(120, 10), (40, 200)])
@pytest.mark.parametrize("penalty", [1.0, 0.01])
def test_the_optimum_is_that_of_scikit_learn(n: int, d: int, penalty: float) -> None:
    from sklearn.linear_model import LogisticRegression

    x, y = blobs(n, d, 3, spread=3.0)
    head = solve_head(x, y, 3, penalty)
    # Our penalty counts in units of the features' mean variance; scikit-learn's C in raw units.
    raw = penalty * float(x.var(axis=0).mean())
    fitted = LogisticRegression(C=1 / (raw * n), max_iter=5000, tol=1e-8).fit(x, y)
    other = LinearHead(fitted.coef_.T, fitted.intercept_, raw)
    assert objective(head, x, y, raw) == pytest.approx(objective(other, x, y, raw), rel=2e-4)
    np.testing.assert_allclose(head.probabilities(x), other.probabilities(x), atol=5e-3)


def test_noise_gets_a_strong_penalty_and_signal_a_weak_one() -> None:
    clear, y = blobs(150, 30, 3, spread=0.3)
    noise = np.random.default_rng(1).normal(size=clear.shape).astype(np.float32)
    weak = cross_validate(clear, y, 3, folds_of(150))
    strong = cross_validate(noise, y, 3, folds_of(150))
    assert weak.accuracy > 0.98
    assert strong.accuracy < 0.5
    assert strong.penalty > 10 * weak.penalty


def test_held_out_rows_do_not_influence_their_own_prediction() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 100)).astype(np.float32)
    labels = rng.integers(0, 2, 60)
    seen = solve_head(features, labels, 2, 1e-4).probabilities(features).argmax(1)
    assert (seen == labels).mean() == 1.0
    assert cross_validate(features, labels, 2, folds_of(60)).accuracy < 0.75


def test_class_weights_lift_the_rare_class() -> None:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 190 + [1] * 10)
    features = rng.normal(size=(200, 5)).astype(np.float32)
    features[labels == 1, 0] += 1.0
    plain = solve_head(features, labels, 2, 0.01).probabilities(features).argmax(1)
    weighted = solve_head(features, labels, 2, 0.01, class_weights=True)
    assert (plain[labels == 1] == 1).mean() < 0.3
    assert (weighted.probabilities(features).argmax(1)[labels == 1] == 1).mean() > 0.6


def test_constant_features_give_the_share_of_each_class() -> None:
    labels = np.array([0, 0, 0, 1])
    head = solve_head(np.ones((4, 3), np.float32), labels, 2, 0.1)
    np.testing.assert_allclose(head.probabilities(np.ones((1, 3)))[0], [0.75, 0.25], atol=1e-3)


def test_the_same_input_gives_the_same_head() -> None:
    x, y = blobs(80, 20, 4)
    first, second = (solve_head(x, y, 4, 0.1) for _ in range(2))
    np.testing.assert_array_equal(first.kernel, second.kernel)


def test_a_cross_validation_is_written_and_read(tmp_path: Path) -> None:
    x, y = blobs(60, 10, 3)
    cv = cross_validate(x, y, 3, folds_of(60))
    cv.write(tmp_path / "cv.npz")
    read = CrossValidation.read(tmp_path / "cv.npz")
    assert read is not None
    np.testing.assert_array_equal(read.probabilities, cv.probabilities)
    assert replace(read, probabilities=x) == replace(cv, probabilities=x)
    assert read.folds == 5
    (tmp_path / "torn.npz").write_bytes((tmp_path / "cv.npz").read_bytes()[:200])
    assert CrossValidation.read(tmp_path / "torn.npz") is None
    (tmp_path / "empty.npz").touch()
    assert CrossValidation.read(tmp_path / "empty.npz") is None
    assert CrossValidation.read(tmp_path / "none.npz") is None


def test_heads_of_one_penalty_predict_as_cross_validation_does() -> None:
    x, y = blobs(60, 10, 3)
    cv = cross_validate(x, y, 3, folds_of(60))
    predictions = held_out_probabilities(x, y, 3, folds_of(60), cv.penalty)
    for (_, out), probabilities in zip(folds_of(60), predictions, strict=True):
        np.testing.assert_allclose(probabilities, cv.probabilities[out], atol=0.02)


def test_features_are_left_alone_unless_solved_in_place() -> None:
    x, y = blobs(60, 10, 3)
    before = x.copy()
    head = solve_head(x, y, 3, 0.1)
    np.testing.assert_array_equal(x, before)
    in_place = solve_head(x, y, 3, 0.1, in_place=True)
    np.testing.assert_array_equal(in_place.kernel, head.kernel)


def test_a_block_of_features_counts_the_same_on_every_scale() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(120) % 3
    noise = rng.normal(size=(120, 6)).astype(np.float32)
    signal = (rng.normal(size=(120, 4)) + labels[:, None]).astype(np.float32)
    rows = np.concatenate([noise, signal], axis=1)
    shrunk = np.concatenate([noise, signal / 1000], axis=1)
    probabilities = [
        solve_head(x, labels, 3, 0.1, blocks=[6, 4]).probabilities(x) for x in (rows, shrunk)
    ]
    np.testing.assert_allclose(*probabilities, atol=1e-3)
    without_blocks = solve_head(shrunk, labels, 3, 0.1).probabilities(shrunk)
    assert abs(without_blocks - probabilities[1]).max() > 0.1
    folds = [(np.arange(60), np.arange(60, 120)), (np.arange(60, 120), np.arange(60))]
    first, second = (cross_validate(x, labels, 3, folds, blocks=[6, 4]) for x in (rows, shrunk))
    assert first.accuracy == second.accuracy


def scale(n: int, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Features along which something grows, and in how many steps it is measured."""
    rng = np.random.default_rng(0)
    grown = rng.uniform(0, 1, n)
    features = rng.normal(size=(n, 40)) + np.outer(8 * grown, rng.normal(size=40) / 4)
    return features.astype(np.float32), (grown * steps).astype(int)


def test_the_optimum_of_classes_in_order_is_the_least_of_loss_and_bending() -> None:
    from scipy.optimize import minimize

    x, y = scale(120, 5)
    x, penalty = x[:, :6], 0.05
    raw = penalty * float(x.var(axis=0).mean())

    def loss(head: LinearHead) -> float:
        w = np.pad(head.kernel, ((0, 0), (1, 1)), "edge")
        bent = np.square(w[:, 1:-1] - (w[:, :-2] + w[:, 2:]) / 2).sum()
        p = head.probabilities(x)[np.arange(len(y)), y]
        return float(-np.log(p).mean() + raw / 2 * bent)

    def at(flat: np.ndarray) -> float:
        return loss(LinearHead(*np.split(flat.reshape(7, 5), [6]), raw))

    found = minimize(at, [0] * 35)
    assert loss(solve_head(x, y, 5, penalty, ordered=True)) == pytest.approx(found.fun, rel=1e-3)


def test_two_classes_in_order_are_two_classes() -> None:
    x, y = scale(80, 2)
    plain, ordered = (solve_head(x, y, 2, 0.1, ordered=order) for order in (False, True))
    np.testing.assert_allclose(plain.probabilities(x), ordered.probabilities(x), atol=2e-3)


def test_the_order_brings_answers_nearer_to_the_truth() -> None:
    features, labels = scale(600, 6)
    (x, new), (y, truth) = (np.split(values, [120]) for values in (features, labels))
    errors = []
    for ordered in (False, True):
        cv = cross_validate(x, y, 6, folds_of(120), ordered=ordered)
        head = solve_head(x, y, 6, cv.penalty, ordered=ordered)
        errors.append(np.abs(head.probabilities(new).argmax(axis=1) - truth).mean())
    assert errors[1] < 0.9 * errors[0]
