"""`tlearn distill`: its words, its document, its time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn.cli.units import parse_time
from tlearn.commands.shrink import ShrinkResult
from tlearn.commands.teach import DistillResult
from tlearn.errors import RecipeError
from tlearn.runs.directory import RunDirectory

TAUGHT = DistillResult(
    Path("student/student.weights.h5"), 0.71, 0.5, 900, {"train": 50.0, "total": 60.0}
)
SHRUNK = ShrinkResult(
    RunDirectory(Path("student/run")), (0.9, 0.85), (9_000_000, 900_000), (4.0, 1.5)
)


@pytest.mark.parametrize(
    ("words", "seconds"), [("45s", 45), ("90m", 5400), ("1.5h", 5400), ("10", 600), (" 2 H ", 7200)]
)
def test_times(words: str, seconds: float) -> None:
    assert parse_time(words, "--for") == seconds


@pytest.mark.parametrize("words", ["", "0m", "-3m", "an hour", "3d"])
def test_what_is_no_time(words: str) -> None:
    with pytest.raises(RecipeError, match="--for"):
        parse_time(words, "--for")


def test_it_says_how_alike_they_are_and_what_to_do_next(
    command: Any, calls: Callable[..., list[Any]], fits: Callable[[str], None]
) -> None:
    made = calls("distill", TAUGHT)
    line = ["distill", "pile", "--teacher", "mobilenet_v2", "--for", "2m", "--image-size", 96]
    said = command(*line, "--student", "mobilenet_025").output
    fits(said)
    assert "0.71" in said and "50.0 %" in said
    assert "--backbone mobilenet_025" in said and "--image-size 96" in said
    assert made[0][1]["seconds"] == 120


def test_of_a_run_it_shows_what_was_kept_and_gained(
    command: Any, calls: Callable[..., list[Any]], fits: Callable[[str], None]
) -> None:
    from dataclasses import replace

    calls("distill", replace(TAUGHT, shrunk=SHRUNK))
    line = ["distill", "pile", "--teacher", "runs/big"]
    said = command(*line).output
    fits(said)
    assert "90.0 %" in said and "85.0 %" in said and "1.5 ms" in said
    assert "tlearn export" in said
    document = json.loads(command(*line, "--json").output)
    assert document["shrunk"]["accuracy"] == {"teacher": 0.9, "student": 0.85}
