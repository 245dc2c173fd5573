"""Intervals as tabulated and as SciPy has them; groups count as one."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.data.intervals import mean_interval, resample, share_interval, wilson_interval


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (0, 10, 0.0, 0.2775),
        (5, 10, 0.2366, 0.7634),
        (10, 10, 0.7225, 1.0),
        (950, 1000, 0.9346, 0.9618),
    ],
)
def test_wilson_interval_as_tabulated(correct: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(correct, n) == pytest.approx((low, high), abs=1e-4)


def test_wilson_interval_agrees_with_scipy() -> None:
    from scipy.stats import binomtest

    for n in (1, 7, 40):
        for correct in range(n + 1):
            expected = binomtest(correct, n).proportion_ci(0.95, method="wilson")
            assert wilson_interval(correct, n) == pytest.approx((expected.low, expected.high))


def test_a_mean_of_single_images_has_students_interval() -> None:
    from scipy.stats import sem, t

    values = np.random.default_rng(0).random(12)
    expected = t.interval(0.95, 11, values.mean(), sem(values))
    assert mean_interval(values) == pytest.approx(expected)


def test_images_of_one_group_count_once() -> None:
    values = np.random.default_rng(0).random(12)
    names = [str(n) for n in range(12)]
    assert mean_interval(np.repeat(values, 5), [*np.repeat(names, 5)]) == pytest.approx(
        mean_interval(values)
    )


def test_a_mean_of_one_image_or_one_group_has_no_interval() -> None:
    assert mean_interval(np.array([0.3])) is None
    assert mean_interval(np.array([0.3, 0.5]), ["a", "a"]) is None


def test_an_interval_of_what_cannot_be_negative_begins_at_zero() -> None:
    assert mean_interval(np.array([0.0, 0.0, 1.0]))[0] == 0  # type: ignore[index]


def test_a_share_of_images_in_groups_is_known_less_well() -> None:
    hits = np.repeat([True, True, True, False], 5)
    low, high = share_interval(hits)
    assert (low, high) == pytest.approx(wilson_interval(15, 20))
    grouped = share_interval(hits, [*np.repeat(list("abcd"), 5)])
    assert grouped[0] < low and high < grouped[1]


def test_bootstrap_samples_hold_groups_as_a_whole_and_one_that_was_not_seen() -> None:
    counts = resample(6, ["a", "a", "b", "b", "b", "c"], draws=4000)
    assert (counts[:, 0] == counts[:, 1]).all() and (counts[:, 2] == counts[:, 4]).all()
    # As often as any other, of three groups with an image each: 3 of 4.
    np.testing.assert_allclose(counts[:, [0, 2, 5]].mean(axis=0), 0.75, atol=0.04)
    assert counts[:, 6].mean() == pytest.approx(0.75 * 2, abs=0.08)
    np.testing.assert_array_equal(resample(6), resample(6))


def test_a_mean_that_can_be_negative_has_an_interval_below_zero() -> None:
    gains = np.array([-1.0, -2.0, -1.5, -1.2])
    low, high = mean_interval(gains, least=-np.inf) or (0.0, 0.0)
    assert low < gains.mean() < high < 0
    assert mean_interval(gains) == (0.0, high)
