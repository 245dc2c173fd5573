"""The forecast grows with what costs time, and only with that."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tlearn.features.extractor import StageInfo
from tlearn.suggestion.time_forecast import (
    FIXED_SECONDS,
    HEAD_SECONDS,
    STEP_COST,
    Workload,
    forecast_seconds,
)


def stage(parameters: int, size: int) -> StageInfo:
    return StageInfo("stage", 0, size, width=8, parameters=parameters, params_after_cut=0)


STAGES = (stage(100, 20), stage(400, 10))  # equal cost
WORKLOAD = Workload(n_train=100, n_all=150, views=2, epochs=10, first_trained_stage=1)
PASS = 0.01


def passes(**changes: Any) -> float:
    """Return the passes through the whole network that the forecast counts."""
    workload = replace(WORKLOAD, **changes)
    fixed = FIXED_SECONDS if workload.epochs else HEAD_SECONDS
    return (forecast_seconds(STAGES, workload, PASS) - fixed) / PASS


@pytest.mark.parametrize(("views", "extra"), [(1, 0), (4, 3)])
def test_a_solved_head_costs_one_pass_for_each_view(views: int, extra: int) -> None:
    count = passes(first_trained_stage=None, epochs=0, views=views)
    assert count == pytest.approx(150 + 100 * extra)


def test_a_trained_head_reads_stored_views_of_the_whole_network() -> None:
    assert passes(first_trained_stage=None) == pytest.approx(150 + 100 * 2)


def test_without_stored_views_the_frozen_part_runs_in_each_epoch() -> None:
    trained = 100 * 10 * 0.5 * STEP_COST
    assert passes(views=0) == pytest.approx(150 + 100 * 10 * 0.5 + trained)


def test_tuning_half_the_network_costs_half_a_prefix_and_half_the_steps() -> None:
    trained = 100 * 10 * 0.5 * STEP_COST
    assert passes() == pytest.approx(150 + 100 * 2 * 0.5 + trained)


def test_deep_tuning_stores_no_prefix() -> None:
    trained = 100 * 10 * STEP_COST
    assert passes(first_trained_stage=0, views=4) == pytest.approx(150 + trained)


def test_stages_that_are_cut_off_cost_no_steps() -> None:
    cut = passes(first_trained_stage=0, n_stages=1)
    assert cut == pytest.approx(150 + 100 * 10 * 0.5 * STEP_COST)
