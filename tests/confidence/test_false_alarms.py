"""A threshold calls no more good images bad than it promises, and promises no more than it can."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.confidence.false_alarms import choose_threshold


def good(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0, 1, n).astype(np.float32)


@pytest.mark.parametrize(("n", "rate"), [(50, 0.05), (99, 0.01), (20, 0.1), (200, 0.02)])
def test_new_good_images_are_called_bad_as_often_as_promised(n: int, rate: float) -> None:
    chosen = [choose_threshold(good(n, seed), rate) for seed in range(400)]
    alarms = np.array([1 - min(c.threshold, 1) for c in chosen])  # of uniform values
    promised = chosen[0].promised
    assert promised is not None
    assert promised <= rate
    assert alarms.mean() == pytest.approx(promised, rel=0.15)
    low, high = chosen[0].interval
    assert np.mean((low <= alarms) & (alarms <= high)) == pytest.approx(0.95, abs=0.03)


def test_few_images_promise_nothing_and_say_how_many_would() -> None:
    few = choose_threshold(good(50, 0), 0.01)
    assert few.promised is None
    assert few.needed == 99
    assert few.threshold > good(50, 0).max()
    assert few.interval == (0, pytest.approx(1 - 0.025 ** (1 / 50)))
    assert choose_threshold(good(few.needed, 0), 0.01).promised == pytest.approx(0.01)


def test_a_smaller_share_of_false_alarms_takes_a_higher_threshold() -> None:
    thresholds = [choose_threshold(good(60, 3), rate).threshold for rate in (0.2, 0.05, 0.01, 1e-3)]
    assert thresholds == sorted(thresholds)


def test_equal_values_are_no_false_alarms() -> None:
    chosen = choose_threshold(np.full(40, 0.5, np.float32), 0.05)
    assert chosen.threshold > 0.5
    assert chosen.threshold == pytest.approx(0.5)
