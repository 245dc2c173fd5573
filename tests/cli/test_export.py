"""Which files are written, how they did, and what a failed check looks like."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tlearn.cli.export import choose_formats
from tlearn.errors import ExportError
from tlearn.export.parity import Artefact

Command = Callable[..., Result]
KEYS = {"path", "format", "quantization", "size_bytes", "agreement", "accuracy", "drop"}
KEYS |= {"milliseconds"}
GOOD = Artefact(
    Path("runs/r/export/model.tflite"), "tflite", "none", 9_000_000, 1.0, 0.95, 0.0, 3.6, True, ""
)
BAD = replace(
    GOOD,
    path=Path("runs/r/export/model_int8.failed.tflite"),
    quantization="int8",
    agreement=0.6,
    accuracy=0.55,
    drop=0.4,
    passed=False,
    reason="accuracy drops by 40.0 points, [more] than 1.0",
)


def test_it_draws_a_line_a_file(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    made = calls("export", [GOOD])
    result = command("export", "--tflite", "--max-drop", 2.5)
    assert result.exit_code == 0
    fits(result.stdout)
    assert made[0][0] == (None, [("tflite", "none")]) and made[0][1]["max_drop"] == 0.025
    row = next(line for line in result.stdout.splitlines() if "✓" in line)
    cells = ["✓", "tflite", "float32", "9.0", "MB", "100.0", "%", "95.0", "%", "0.0", "3.6"]
    assert row.split() == cells
    assert "one thread" in result.stdout and str(GOOD.path) in result.stdout


def test_a_failed_check_says_why_and_exits_1(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    calls("export", [GOOD, BAD])
    result = command("export", "--tflite")
    assert result.exit_code == 1
    fits(result.stdout)
    assert "✗" in result.stdout and BAD.reason in result.stdout
    assert "error: 1 of 2 files failed the check" in result.stderr
    assert "dynamic" in result.stderr and "--max-drop" in result.stderr


def test_json_of_a_failed_check_is_still_one_document(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("export", [GOOD, BAD])
    result = command("export", "--tflite", "--json")
    assert result.exit_code == 1 and not result.stderr
    first, second = json.loads(result.stdout)["artefacts"]
    assert first.keys() >= KEYS and first["passed"] and not second["passed"]
    assert first["path"] == str(GOOD.path)


def test_nothing_chosen_names_the_choices(command: Command) -> None:
    result = command("export")
    assert result.exit_code == 2
    assert "--tflite" in result.stderr and "--saved-model" in result.stderr


@pytest.mark.parametrize(
    ("tflite", "saved_model", "quantize", "expected"),
    [
        (True, False, [], [("tflite", "none")]),
        (False, False, ["int8"], [("tflite", "int8")]),
        (True, True, ["INT8", "none", "int8"],
         [("tflite", "int8"), ("tflite", "none"), ("saved_model", "none")]),
        (False, True, [], [("saved_model", "none")]),
    ],
)  # fmt: skip
def test_formats(
    tflite: bool, saved_model: bool, quantize: list[str], expected: list[tuple[str, str]]
) -> None:
    assert choose_formats(tflite, saved_model, quantize) == expected


def test_an_unknown_mode_lists_the_modes() -> None:
    with pytest.raises(ExportError, match="int4") as fault:
        choose_formats(True, False, ["int4"])
    assert "float16" in fault.value.hint
