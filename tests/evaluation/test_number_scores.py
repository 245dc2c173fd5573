"""Scores of a number against scikit-learn and SciPy, and the promise of its interval."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tlearn.evaluation.number_scores import promise_half_width, score_numbers


def draw(groups: int, size: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw numbers, answers whose errors a group shares for the most part, and the groups."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.normal(size=(groups, 2)), size, axis=0)
    targets = 50 + 10 * shared[:, 0]
    errors = 4 * shared[:, 1] + 2 * rng.normal(size=groups * size)
    return targets, targets + errors, [str(row // size) for row in range(groups * size)]


def test_scores_are_those_of_scikit_learn_and_scipy() -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    y, answers, _ = draw(100)
    report = score_numbers(answers[:, None], y[:, None], "age", "test", 48.0)
    assert report.mae == pytest.approx(mean_absolute_error(y, answers))
    assert report.rmse == pytest.approx(root_mean_squared_error(y, answers))
    assert report.r2 == pytest.approx(r2_score(y, answers))
    assert report.rank_correlation == pytest.approx(spearmanr(y, answers).statistic)
    assert report.mae_of_median == pytest.approx(np.abs(y - 48).mean())
    json.dumps(report.to_json(), allow_nan=False)


def test_intervals_hold_the_scores_and_are_wider_of_groups() -> None:
    y, answers, groups = draw(40, 10)
    apart = score_numbers(answers, y, "age", "test", 50.0)
    grouped = score_numbers(answers, y, "age", "test", 50.0, groups)
    for name in ("mae", "rmse", "r2"):
        low, high = getattr(grouped, f"{name}_interval")
        assert low < getattr(grouped, name) < high
        assert high - low > 1.5 * np.ptp(getattr(apart, f"{name}_interval"))
    one = score_numbers(answers, y, "age", "test", 50.0, ["one"] * 400)
    assert one.mae_interval is one.rmse_interval is one.r2_interval is None


def test_one_value_for_all_has_neither_r2_nor_ranks() -> None:
    report = score_numbers(np.arange(5.0), np.full(5, 2.0), "age", "test", 2.0)
    assert report.r2 is report.r2_interval is report.rank_correlation is None
    assert (
        score_numbers(np.full(5, 2.0), np.arange(5.0), "age", "test", 2.0).rank_correlation is None
    )


def test_r2_and_its_interval_do_not_depend_on_the_unit() -> None:
    y, answers, _ = draw(40)
    plain, tiny = (score_numbers(answers * k, y * k, "m", "test", 50.0 * k) for k in (1, 1e-9))
    assert tiny.r2_interval == pytest.approx(plain.r2_interval)


def test_two_images_have_no_r2_of_trillions() -> None:
    ends = score_numbers(np.array([3.0, 3.1]), np.array([1.0, 8.0]), "x", "test", 4.0).r2_interval
    assert ends is None or ends[0] > -100


def test_large_numbers_are_written_out() -> None:
    y = np.linspace(0, 2e6, 30)
    words = score_numbers(y + 123456, y, "price", "test", 1e6).in_words()
    assert words.startswith("price is off by 123,456 on average") and "e+" not in words


def test_the_half_width_is_the_kth_largest_error() -> None:
    errors = np.arange(1, 20.0)
    assert promise_half_width(errors, np.zeros(19)) == 18  # k = floor(20 * .1)
    assert promise_half_width(errors[:9], np.zeros(9)) == 9
    assert promise_half_width(errors[:8], np.zeros(8)) is None
    assert promise_half_width(errors, 2 * errors, relative=True) == 1


def test_copies_in_a_group_change_no_half_width() -> None:
    y, answers, _ = draw(30)
    times = np.random.default_rng(1).integers(1, 9, 30)
    many = np.repeat(answers, times), np.repeat(y, times)
    groups = [*np.repeat(np.arange(30).astype(str), times)]
    assert promise_half_width(*many, groups) == promise_half_width(answers, y)
    assert promise_half_width(*many, ["one"] * int(times.sum())) is None


@pytest.mark.parametrize("size", [1, 6])
def test_new_images_keep_the_promise(size: int) -> None:
    coverages = []
    for seed in range(60):
        y, answers, groups = draw(30, size, seed)
        width = promise_half_width(answers, y, groups)
        new, answered, _ = draw(300, seed=1000 + seed)
        coverages.append(score_numbers(answered, new, "age", "test", 50.0, (), width).coverage)
    assert 0.88 < np.mean(coverages) < 0.94


def test_a_relative_half_width_grows_with_the_answer() -> None:
    y, answers = np.array([9.0, 99.0, 120.0]), np.array([10.0, 100.0, 100.0])
    report = score_numbers(answers, y, "price", "test", 50.0, (), 0.1, relative=True)
    assert report.coverage == pytest.approx(2 / 3)
    assert score_numbers(answers, y, "price", "test", 50.0, (), 0.1).coverage == 0


def test_shapes_that_disagree_are_an_error() -> None:
    with pytest.raises(ValueError, match="expected answers"):
        score_numbers(np.zeros(3), np.zeros(2), "age", "test", 0.0)
    with pytest.raises(ValueError, match="finite"):
        score_numbers(np.full(3, np.nan), np.zeros(3), "age", "test", 0.0)
