"""The matrix and the measurements as tables, bars and scales."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn import api
from tlearn.suggestion.int8_cost import Int8Cost


def test_it_draws_matrix_and_measurements(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    calls("suggest", advice, [("read images", 1, 2), ("read images", 2, 2)])
    result = command("suggest", "folder", "--verbose")
    assert result.exit_code == 0
    fits(result.stdout)
    marked = [line for line in result.stdout.splitlines() if "▶" in line]
    assert len(marked) == 2  # in the matrix, and among the ways to train
    assert marked[0].index("▶") > marked[0].index("linear-head")  # the column "different"
    assert "stage 2" in result.stdout and "90.0%" in result.stdout
    assert "notes.txt" in result.stdout and "1 of 13 images" in result.stdout
    assert "2-fold cross-validation, seed 7" in result.stdout  # for a statistician
    assert "90% interval" in result.stdout and "little data" in result.stdout
    (best,) = (line for line in result.stdout.splitlines() if "◀ best" in line)
    assert best.split()[:3] == ["stages", "2,3", "█" * 28 + "▌"]
    guess, *_ = (line for line in result.stdout.splitlines() if line.split()[:1] == ["guessing"])
    assert "33.3%" in guess
    rows = [row.split()[:2] for row in result.stdout.splitlines()]
    assert ["linear-head", "2"] in rows and "tabby 60%" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("tlearn finetune folder --policy top-stages")
    assert "read images" in result.stderr and "read images" not in result.stdout


def test_names_are_shown_as_plain_text(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", advice)
    shown = command("suggest", "folder").stdout
    assert "[bold]cats[/bold]" in shown and "\\x1b[31mdogs" in shown and "a\\nb" in shown


@pytest.mark.parametrize(
    ("drop", "words"), [(0.02, "costs 2.0 points"), (-0.01, "gains 1.0 point")]
)
def test_int8_costs_or_gains(
    drop: float,
    words: str,
    command: Command,
    calls: Callable[..., Any],
    advice: api.Advice,
    fits: Callable[[str], None],
) -> None:
    calls("suggest", replace(advice, int8=Int8Cost(400, 0.9, drop, 0.011)))
    shown = command("suggest", "folder", "--for", "tflite").stdout
    fits(shown)
    assert words in shown and ("prefer --quantize dynamic" in shown) is (drop > 0)
