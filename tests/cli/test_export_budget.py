"""The best file that fits, and what is reported if none does."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn.export.budget import Budget, pick_artifact
from tlearn.export.parity import Artifact
from tlearn.export.quantization import SMALLER

NONE = Artifact(Path("model.tflite"), "tflite", "none", 9_000_000, 1.0, 0.95, 0.0, 8.0, True, "")
INT8 = replace(
    NONE,
    path=Path("runs/[r]/export/model_int8.tflite"),
    quantization="int8",
    size_bytes=2_700_000,
    milliseconds=3.0,
)
DYNAMIC = replace(
    NONE, quantization="dynamic", size_bytes=2_500_000, passed=False, failure="[accuracy] fell"
)
TRIED = (NONE, DYNAMIC, INT8)
ALL_MODES = [("tflite", mode) for mode in SMALLER]


def test_it_says_what_is_kept_and_why(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    recorded = calls("export_within", pick_artifact(TRIED, Budget(4e6, 30)))
    result = command("export", "--max-size", "4MB", "--max-latency", "30ms", "--max-drop", 2)
    assert result.exit_code == 0 and not result.stderr
    fits(result.stdout)
    assert recorded[0][0] == (None, ALL_MODES, Budget(4e6, 30.0))
    assert recorded[0][1]["options"].max_drop == 0.02
    rows = result.stdout.splitlines()
    assert any("✓" in row and "int8" in row and "kept" in row for row in rows)
    assert any("float32" in row and "too large" in row for row in rows)
    assert any("dynamic" in row and "failed the check" in row for row in rows)
    for words in ("at most 4.0 MB, at most 30 ms", "one thread of this machine", "the only one"):
        assert words in result.stdout
    assert f"tlearn benchmark '{INT8.path}'" in result.stdout


def test_modes_that_are_named_are_the_candidates(
    command: Command, calls: Callable[..., Any]
) -> None:
    recorded = calls("export_within", pick_artifact(TRIED, Budget(None, 30)))
    command("export", "--tflite", "--quantize", "int8", "--max-latency", "0.03s")
    assert recorded[0][0] == (None, [("tflite", "int8")], Budget(None, 30.0))


def test_where_none_fits_the_nearest_and_suggestions_are_named(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    result = pick_artifact(TRIED, Budget(1e6, 5))
    calls("export_within", replace(result, suggestions=("smaller [images]", "a head")))
    result = command("export", "--max-size", "1MB", "--max-latency", "5")
    assert result.exit_code == 1
    fits(result.stdout)
    assert "too large, too slow" in result.stdout and "kept" not in result.stdout
    assert "nearest is int8 with 2.7 MB and 3.0 ms" in result.stderr
    assert "hint: smaller [images]\n      a head\n" in result.stderr


def test_where_all_failed_the_reason_is_shown(command: Command, calls: Callable[..., Any]) -> None:
    calls("export_within", pick_artifact((DYNAMIC,), Budget(4e6)))
    result = command("export", "--quantize", "dynamic", "--max-size", "4MB")
    assert result.exit_code == 1 and "[accuracy] fell" in result.stderr


def test_a_mode_that_could_not_be_written_is_reported(
    command: Command, calls: Callable[..., Any]
) -> None:
    errors = {"int8_float": "no [op]"}
    calls("export_within", replace(pick_artifact(TRIED, Budget(4e6)), errors_by_mode=errors))
    result = command("export", "--max-size", "4MB")
    assert result.exit_code == 0 and "int8-float could not be written: no [op]" in result.stdout


@pytest.mark.parametrize(("limit", "code"), [(4e6, 0), (1e6, 1)])
def test_json_is_one_document(
    command: Command, calls: Callable[..., Any], limit: float, code: int
) -> None:
    result = pick_artifact(TRIED, Budget(limit))
    calls("export_within", replace(result, suggestions=("a way",) * code))
    answer = command("export", "--max-size", f"{limit / 1e6}MB", "--json")
    assert answer.exit_code == code and not answer.stderr
    document = json.loads(answer.stdout)
    kept = None if code else str(INT8.path)
    assert document["kept"] == kept and document["nearest"] == "int8"
    assert [artifact["path"] for artifact in document["artefacts"]] == [None, None, kept]
    assert [artifact["within_budget"] for artifact in document["artefacts"]] == [
        False,
        not code,
        not code,
    ]
    assert document["budget"] == {
        "max_bytes": limit,
        "max_milliseconds": None,
        "for_runtime": "",
    }
    assert document["suggestions"] == ["a way"] * code


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["--max-size", "much"], "--max-size 4MB"),
        (["--max-size", "0MB"], "--max-size 4MB"),
        (["--max-size", "4"], "--max-size 4MB"),
        (["--max-latency", "30m"], "--max-latency 30ms"),
        (["--max-latency", "fast"], "--max-latency 30ms"),
        (["--saved-model", "--max-size", "4MB"], "--saved-model"),
        (["--quantize", "int4", "--max-size", "4MB"], "no such mode"),
    ],
)
def test_bad_limits(command: Command, words: list[str], hint: str) -> None:
    result = command("export", *words)
    assert result.exit_code == 2 and hint in result.stderr and "hint: " in result.stderr


def test_a_runtime_alone_looks_for_the_best_mode_that_it_runs(
    command: Command, calls: Callable[..., Any]
) -> None:
    result = replace(
        pick_artifact([NONE], Budget(for_runtime="2.14")), errors_by_mode={"dynamic": "too new"}
    )
    recorded = calls("export_within", result)
    shown = command("export", "--for-runtime", "2.14")
    assert shown.exit_code == 0
    assert recorded[0][0] == (None, ALL_MODES, Budget(for_runtime="2.14"))
    assert "runs in TensorFlow Lite 2.14" in shown.stdout
    assert "dynamic could not be written: too new" in shown.stdout
