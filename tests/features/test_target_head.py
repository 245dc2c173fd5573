"""Heads for several labels or a number: penalties, held-out answers and scores."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlearn.features.head import CrossValidation
from tlearn.features.target_head import (
    cross_validate_targets,
    log_is_better,
    solve_targets,
)


def folds_of(n: int, k: int = 5) -> list[tuple[np.ndarray, np.ndarray]]:
    number = np.random.default_rng(0).permutation(n) % k
    return [(np.flatnonzero(number != i), np.flatnonzero(number == i)) for i in range(k)]


def draw(
    n: int = 150, d: int = 20, noise: float = 0.3
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw features, three labels (a rare one last), and a number about 50."""
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n, 4))
    x = latent @ rng.normal(size=(4, d)) + 0.1 * rng.normal(size=(n, d)) + 5
    noisy = latent + noise * rng.normal(size=latent.shape)
    return x.astype(np.float32), (noisy[:, :3] > [0, 0.5, 1.5]) * 1.0, 50 + 10 * noisy[:, 3:]


def test_heads_answer_with_probabilities_or_numbers() -> None:
    x, labels, number = draw()
    head = solve_targets(x, labels, "labels", 0.01)
    assert head.activation == "sigmoid"
    assert ((head.probabilities(x) > 0.5) == labels).mean() > 0.9
    head = solve_targets(x, number, "number", 0.01)
    assert head.activation == "linear"
    assert np.abs(head.probabilities(x) - number).mean() < 4
    log = solve_targets(x, number, "number", 0.01, log=True)
    assert log.activation == "exponential"
    assert np.abs(log.probabilities(x) - number).mean() < 4


@pytest.mark.parametrize("task", ["labels", "number"])
def test_noise_scores_nothing_and_signal_nearly_all(task: str) -> None:
    x, labels, number = draw(noise=0.01)
    targets = labels if task == "labels" else number
    clear = cross_validate_targets(x, targets, task, folds_of(150))
    noise = np.random.default_rng(1).normal(size=x.shape).astype(np.float32)
    none = cross_validate_targets(noise, targets, task, folds_of(150))
    assert clear.accuracy > 0.6
    assert -0.1 < none.accuracy < 0.1
    assert none.penalty > 10 * clear.penalty


@pytest.mark.parametrize("task", ["labels", "number"])
def test_held_out_rows_do_not_influence_their_own_answers(task: str) -> None:
    x, labels, number = draw()
    targets = labels if task == "labels" else number
    fold = folds_of(150)[:1]
    before = cross_validate_targets(x, targets, task, fold)
    changed = targets.copy()
    out = fold[0][1]
    changed[out] = 1 - targets[out] if task == "labels" else targets[out] + 1000
    after = cross_validate_targets(x, changed, task, fold)
    for cv in (before, after):
        others = np.delete(np.arange(150), out)
        assert np.isnan(cv.probabilities[others]).all() and np.isnan(cv.scores[others]).all()
        head = solve_targets(x[others], targets[others], task, cv.penalty)
        at_penalty = head.probabilities(x[out])
        assert np.abs(cv.probabilities[out] - at_penalty).max() < 0.1 * np.ptp(at_penalty)


def test_scores_are_the_share_of_the_loss_that_is_taken_away() -> None:
    x, labels, number = draw()
    cv = cross_validate_targets(x, number, "number", folds_of(150))
    usual = np.abs(number - np.median(number)).mean()
    assert cv.accuracy == pytest.approx(1 - np.abs(cv.probabilities - number).mean() / usual)
    cv = cross_validate_targets(x, labels, "labels", folds_of(150))
    logs, usual = (
        np.log(np.where(labels == 1, p, 1 - p)).sum()
        for p in (cv.probabilities, labels.mean(axis=0))
    )
    assert cv.accuracy == pytest.approx(1 - logs / usual)
    assert cv.folds == 5


def test_targets_that_nobody_knows_count_for_nothing() -> None:
    x, labels, _ = draw()
    labels[:20] = np.nan
    labels[20:80, 1] = np.nan
    cv = cross_validate_targets(x, labels, "labels", folds_of(150))
    assert np.isfinite(cv.probabilities).all()
    assert np.isnan(cv.scores[:20]).all() and np.isfinite(cv.scores[20:]).all()
    assert cv.accuracy > 0.3


def test_a_label_that_only_one_fold_has_is_no_error() -> None:
    x, labels, _ = draw()
    folds = folds_of(150)
    labels[:, 2] = 0
    labels[folds[0][1][:2], 2] = 1
    cv = cross_validate_targets(x, labels, "labels", folds)
    assert np.isfinite(cv.scores).all()
    assert (cv.probabilities[folds[0][1], 2] < 0.02).all()


def test_class_weights_lift_the_rare_label() -> None:
    x, labels, _ = draw(noise=2)
    plain, weighted = (
        solve_targets(x, labels, "labels", 0.1, class_weights=balanced).probabilities(x)[:, 2]
        for balanced in (False, True)
    )
    rare = labels[:, 2] == 1
    assert (weighted[rare] > 0.5).mean() > (plain[rare] > 0.5).mean() + 0.2


def test_the_logarithm_is_taken_of_what_grows_by_factors_alone() -> None:
    x, _, number = draw()
    even, grown = number - number.min() + 10, np.exp(number / 5)
    for targets, better in ((even, False), (grown, True)):
        plain, log = (
            cross_validate_targets(x, targets, "number", folds_of(150), log=log)
            for log in (False, True)
        )
        assert log_is_better(plain, log, ()) == better
        assert log_is_better(plain, log, [str(row // 5) for row in range(150)]) == better
        assert not log_is_better(plain, log, ["one"] * 150)


def test_features_are_left_alone_unless_solved_in_place() -> None:
    x, labels, _ = draw()
    before = x.copy()
    head = solve_targets(x, labels, "labels", 0.1)
    cross_validate_targets(x, labels, "labels", folds_of(150))
    np.testing.assert_array_equal(x, before)
    in_place = solve_targets(x, labels, "labels", 0.1, in_place=True)
    np.testing.assert_array_equal(in_place.kernel, head.kernel)


def test_a_validation_is_written_and_read(tmp_path: Path) -> None:
    x, labels, _ = draw()
    cv = cross_validate_targets(x, labels, "labels", folds_of(150))
    cv.write(tmp_path / "cv.npz")
    read = CrossValidation.read(tmp_path / "cv.npz")
    assert read is not None
    np.testing.assert_array_equal(read.probabilities, cv.probabilities)
    assert replace(read, probabilities=0, scores=0) == replace(cv, probabilities=0, scores=0)
    assert CrossValidation.read(tmp_path / "none.npz") is None
