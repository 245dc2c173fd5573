"""The forecast's constants are those that the table of trials gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.advice_rules import Cell, fit_coefficients, read_table, regret
from tlearn.suggestion import accuracy_forecast
from tlearn.suggestion.accuracy_forecast import forecast_options
from tlearn.suggestion.decision import pick_option

TABLE = Path(__file__).parents[2] / "benchmarks/results/advice.jsonl"


@pytest.fixture
def cells() -> list[Cell]:
    return [Cell(row) for row in read_table(TABLE)]


def test_the_constants_in_the_code_are_fitted_to_the_table(
    cells: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("STAGE_GAIN_COEF", "STAGE_GAIN_SD", "TUNING_COEF")
    expected = {name: getattr(accuracy_forecast, name) for name in names}
    for name in names:
        monkeypatch.setattr(accuracy_forecast, name, dict(expected[name]))
    fit_coefficients(cells)
    for name in names:
        fitted = getattr(accuracy_forecast, name)
        for key, value in expected[name].items():
            assert fitted[key] == pytest.approx(value, abs=2e-3), (name, key)


def test_no_fixed_policy_is_clearly_better_than_the_advice(cells: list[Cell]) -> None:
    advised = [(cell, pick_option(forecast_options(cell.evidence))) for cell in cells]
    mean = sum(cell.reached(option) for cell, option in advised) / len(cells)
    fixed = [sum(c.accuracy[name] for c in cells) / len(cells) for name in cells[0].accuracy]
    assert mean > max(fixed) - 0.005
    assert all(regret([pair]) >= -1e-9 for pair in advised)


def test_every_cell_of_the_table_has_every_policy(cells: list[Cell]) -> None:
    assert len(cells) > 80
    assert {frozenset(cell.accuracy) for cell in cells} == {frozenset(cells[0].accuracy)}
