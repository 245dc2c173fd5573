"""Time schedules as tables."""

from __future__ import annotations

import math

import pytest

from tlearn.training.schedule import PlateauState, rate_factor


@pytest.mark.parametrize(
    ("step", "factor"), [(0, 1.0), (50, 0.5), (25, (1 + math.sqrt(0.5)) / 2), (100, 0), (999, 0)]
)
def test_the_cosine_falls_from_one_to_zero(step: int, factor: float) -> None:
    assert rate_factor("cosine", step, 100) == pytest.approx(factor, abs=1e-12)


@pytest.mark.parametrize("schedule", ["cosine", "constant", "plateau"])
def test_warm_up_rises_to_the_peak(schedule: str) -> None:
    factors = [rate_factor(schedule, step, 100, 4) for step in range(5)]
    assert factors == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])


@pytest.mark.parametrize("schedule", ["constant", "plateau"])
def test_constant_stays(schedule: str) -> None:
    assert {rate_factor(schedule, step, 10) for step in range(20)} == {1.0}


@pytest.mark.parametrize("schedule", ["cosine", "constant", "plateau"])
@pytest.mark.parametrize(("total", "warmup"), [(0, 0), (1, 0), (1, 1), (3, 2.5), (7, 0.4), (5, 9)])
def test_factors_stay_between_0_and_1(schedule: str, total: int, warmup: float) -> None:
    factors = [rate_factor(schedule, step, total, warmup) for step in range(total + 3)]
    assert all(0 <= factor <= 1 for factor in factors)
    assert total == 0 or min(factors[:total]) > 0


def test_cosine_only_falls_after_the_warm_up() -> None:
    factors = [rate_factor("cosine", step, 60, 10) for step in range(10, 60)]
    assert factors == sorted(factors, reverse=True)
    assert factors[-1] < 0.01


def test_an_unknown_schedule_is_a_bug() -> None:
    with pytest.raises(ValueError, match="Received: 'linear'"):
        rate_factor("linear", 0, 10)


def test_a_plateau_drops_after_its_patience_and_again() -> None:
    state = PlateauState(patience=2, drop=0.5)
    losses = [1.0, 0.9, 0.9, 0.9, 0.9, 0.9, 0.5, 0.6, 0.6]
    assert [state.update(loss) for loss in losses] == [1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125]


def test_a_hair_better_is_not_better() -> None:
    state = PlateauState(patience=1, drop=0.5, margin=0.01)
    assert [state.update(loss) for loss in (1.0, 0.995, 0.98)] == [1, 0.5, 0.5]


def test_nan_is_no_better_and_the_factor_has_a_floor() -> None:
    state = PlateauState(patience=1, drop=0.1, smallest=0.05)
    assert [state.update(math.nan) for _ in range(3)] == pytest.approx([0.1, 0.05, 0.05])
    assert state.update(3.0) == 0.05
    assert state.best == 3.0
