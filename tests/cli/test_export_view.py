"""Exported files as a table: what each changed, and what a failed check looks like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.cli.conftest import Command
from tlearn.export.comparison import ChangedPrediction, ClassChange
from tlearn.export.parity import Artifact

GOOD = Artifact(
    Path("runs/r/export/model.tflite"), "tflite", "none", 9_000_000, 1.0, 0.95, 0.0, 3.6, True, ""
)
BAD = replace(
    GOOD,
    path=Path("runs/r/export/model_int8.failed.tflite"),
    quantization="int8",
    agreement=0.6,
    accuracy=0.55,
    accuracy_drop=0.4,
    passed=False,
    failure="accuracy drops by 40.0 points, [more] than 1.0",
    drop_interval=(0.301, 0.502),
    changed_predictions=tuple(
        ChangedPrediction(f"[a]/{n}.png", "cats", "cats", "\x1b[31mdogs") for n in range(5)
    ),
    changed_classes=(ClassChange("cats", 10, 1.0, 0.5),),
    advice=("try --quantize dynamic",),
)


def test_it_draws_a_line_a_file(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    recorded = calls("export", [GOOD])
    result = command("export", "--tflite", "--max-drop", 2.5)
    assert result.exit_code == 0
    fits(result.stdout)
    assert recorded[0][0] == (None, [("tflite", "none")])
    assert recorded[0][1]["options"].max_drop == 0.025
    row = next(line for line in result.stdout.splitlines() if "✓" in line)
    cells = ["✓", "tflite", "9.0", "MB", "100.0%", "95.0%", "none", "0.0", "to", "0.0", "3.6"]
    assert row.split() == cells
    assert "one thread" in result.stdout and str(GOOD.path) in result.stdout
    assert "answered differently" not in result.stdout


def test_widest_table_fits(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    wide = replace(
        BAD,
        quantization="int8_float",
        size_bytes=123_456_789,
        accuracy_drop=-0.125,
        milliseconds=1234.5,
    )
    calls("export", [replace(wide, drop_interval=(-0.555, -0.123))])
    shown = command("export", "--tflite").stdout
    fits(shown)
    # A gain is no negative drop.
    assert "+12.5" in shown and "12.3 to 55.5" in shown and "tflite int8-float" in shown


def test_the_command_that_serves_a_saved_model_is_on_one_line(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("export", [GOOD, replace(GOOD, format="saved_model")])
    shown = command("export", "--saved-model").stdout
    (line,) = (line for line in shown.splitlines() if "tensorflow/serving" in line)
    assert f"{GOOD.path.absolute()}:/models/model/1" in line


def test_a_gain_is_put_in_words(command: Command, calls: Callable[..., Any]) -> None:
    calls("export", [replace(GOOD, accuracy_drop=-0.005)])
    assert "gains 0.5 points" in " ".join(command("export", "--tflite").stdout.split())


def test_images_that_changed_are_listed(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    calls("export", [GOOD, BAD])
    shown = command("export", "--tflite").stdout
    fits(shown)
    assert "[a]/0.png: cats -> \\x1b[31mdogs (was right)" in shown
    assert "[a]/2.png" in shown and "[a]/3.png" not in shown
    assert "and 2 more" in shown
    assert "tflite int8: 5; classes that lost accuracy: cats from 100.0% to 50.0%" in shown


def test_a_failed_check_says_why_and_exits_1(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    calls("export", [GOOD, BAD])
    result = command("export", "--tflite")
    assert result.exit_code == 1
    fits(result.stdout)
    assert "✗" in result.stdout and BAD.failure in result.stdout
    assert "error: 1 of 2 files failed the check" in result.stderr
    assert (
        "hint: try --quantize dynamic; or allow a larger loss: --max-drop POINTS" in result.stderr
    )
    calls("export", [replace(BAD, advice=())])
    assert "hint: allow a larger loss: --max-drop POINTS" in command("export", "--onnx").stderr


def test_only_a_file_that_needs_a_newer_runtime_than_many_have_says_so(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("export", [replace(GOOD, runtime="1.14.0"), replace(GOOD, runtime="2.17.0")])
    shown = command("export", "--tflite").stdout
    assert shown.count("needs TensorFlow Lite") == shown.count("2.17.0 or newer") == 1
