"""`tlearn distill`: what it prints, and its document."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tlearn.commands.distill import DistillResult
from tlearn.commands.shrink import ShrinkResult
from tlearn.runs.directory import RunDirectory

RESULT = DistillResult(
    Path("student/student.weights.h5"), 0.71, 0.5, 900, {"train": 50.0, "total": 60.0}
)
SHRUNK = ShrinkResult(
    RunDirectory(Path("student/run")), (0.9, 0.85), (9_000_000, 900_000), (4.0, 1.5)
)


def test_it_says_how_alike_they_are_and_what_to_do_next(
    command: Any, calls: Callable[..., list[Any]], fits: Callable[[str], None]
) -> None:
    recorded = calls("distill", RESULT)
    line = ["distill", "pile", "--teacher", "mobilenet_v2", "--for", "2m", "--image-size", 96]
    shown = command(*line, "--student", "mobilenet_025").output
    fits(shown)
    assert "0.71" in shown and "50.0%" in shown
    assert "--backbone mobilenet_025" in shown and "--image-size 96" in shown
    assert recorded[0][1]["seconds"] == 120


def test_of_a_run_it_shows_what_was_kept_and_gained(
    command: Any, calls: Callable[..., list[Any]], fits: Callable[[str], None]
) -> None:
    from dataclasses import replace

    calls("distill", replace(RESULT, shrunk=SHRUNK))
    line = ["distill", "pile", "--teacher", "runs/big"]
    shown = command(*line).output
    fits(shown)
    assert "90.0%" in shown and "85.0%" in shown and "1.5 ms" in shown
    assert "tlearn export" in shown
    document = json.loads(command(*line, "--json").output)
    assert document["shrunk"]["accuracy"] == {"teacher": 0.9, "student": 0.85}
