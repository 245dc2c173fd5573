"""The forecast grows with what costs time, and only with that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tlearn.suggestion.time_forecast import FIXED_SECONDS, HEAD_SECONDS, forecast_seconds


@dataclass(frozen=True)
class Stage:
    parameters: int
    size: int


STAGES = (Stage(100, 20), Stage(400, 10))  # equal cost


def forecast(**changed: Any) -> float:
    values: dict[str, Any] = {
        "first_trained_stage": 1,
        "n_train": 100,
        "n_all": 150,
        "views": 2,
        "epochs": 10,
        "pass_seconds": 0.01,
    }
    fixed = FIXED_SECONDS if changed.get("epochs", 10) else HEAD_SECONDS
    return forecast_seconds(STAGES, **(values | changed)) - fixed


@pytest.mark.parametrize(("views", "more"), [(1, 0), (4, 3)])
def test_the_head_alone_costs_one_pass_a_view(views: int, more: int) -> None:
    seconds = forecast(first_trained_stage=None, epochs=0, views=views)
    assert seconds == pytest.approx(1.5 + 100 * more * 0.01)


def test_a_head_trained_by_steps_reads_stored_views_of_the_whole() -> None:
    assert forecast(first_trained_stage=None) == pytest.approx(1.5 + 100 * 2 * 0.01)


def test_without_stored_views_the_frozen_part_runs_in_each_epoch() -> None:
    assert forecast(views=0) == pytest.approx(1.5 + 100 * 10 * 0.5 * 0.01 + 30)


def test_a_tuned_half_costs_half_a_prefix_and_half_the_steps() -> None:
    assert forecast() == pytest.approx(1.5 + 100 * 2 * 0.5 * 0.01 + 100 * 10 * 0.5 * 6 * 0.01)


def test_deep_tuning_stores_no_prefix() -> None:
    assert forecast(first_trained_stage=0, views=4) == pytest.approx(1.5 + 60)
