"""Sources for a board: asked for by its name, reported beside the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn.export.board_files import BoardFiles
from tlearn.export.parity import Artifact

FILE = Artifact(
    Path("runs/[r]/export/model_int8.tflite"),
    *("tflite", "int8", 90_000, 1.0, 0.95, 0.0, 3.6, True, ""),
)
SOURCES = BoardFiles(
    board="esp32",
    folder=Path("runs/[r]/export/esp32"),
    failure="",
    model_bytes=55_400,
    arena_bytes=203_776,
    measured_bytes=125_168,
    operators={"Conv2D": 9, "Softmax": 1},
    accuracy=0.95,
    accuracy_drop=0.01,
    n_checked=60,
    refused=0.05,
)


def test_a_board_gets_its_files_and_a_report(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    exported = calls("export_for_board", (FILE, SOURCES))
    result = command("export", "--for", "ESP32", "--max-drop", "2")
    assert result.exit_code == 0
    fits(result.stdout)
    assert exported[0][0] == (None, "esp32")
    assert exported[0][1]["options"].max_drop == 0.02
    for shown in ("ESP32-S3", "55.4 kB", "203.8 kB", "125.2 kB", "10 of 2 kinds", "main.cc"):
        assert shown in result.stdout


def test_json_has_what_was_measured(command: Command, calls: Callable[..., Any]) -> None:
    calls("export_for_board", (FILE, SOURCES))
    document = json.loads(command("export", "--for", "esp32", "--json").stdout)
    assert document["artifacts"][0]["path"] == str(FILE.path)
    assert document["board"]["arena_bytes"] == 203_776
    assert document["board"]["folder"] == str(SOURCES.folder)
    assert document["board"]["fits"] is True


def test_what_is_too_large_for_the_chip_says_so(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("export_for_board", (FILE, replace(SOURCES, arena_bytes=900_000)))
    assert "more than the chip's own memory holds" in command("export", "--for", "esp32").stdout


@pytest.mark.parametrize(
    ("artifact", "files", "where"),
    [
        (FILE, replace(SOURCES, failure="accuracy fell"), "in TensorFlow Lite Micro"),
        (replace(FILE, passed=False, failure="accuracy fell"), None, "in int8"),
    ],
)
def test_a_failed_check_ends_with_1(
    command: Command,
    calls: Callable[..., Any],
    artifact: Artifact,
    files: BoardFiles | None,
    where: str,
) -> None:
    calls("export_for_board", (artifact, files))
    result = command("export", "--for", "esp32")
    assert result.exit_code == 1
    assert "accuracy fell" in result.stdout
    assert where in result.stderr and "--max-drop POINTS" in result.stderr
    assert command("export", "--for", "esp32", "--json").exit_code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--for", "[arduino]"], "no such board"),
        (["--for", "ethos-u", "--quantize", "none"], "not float32"),
        (["--for", "esp32", "--quantize", "float16"], "not float16"),
        (["--for", "esp32", "--onnx"], "not --onnx"),
        (["--for", "esp32", "--max-size", "1MB"], "choose among modes"),
    ],
)
def test_what_a_board_does_not_take_is_refused(
    command: Command, words: list[str], message: str
) -> None:
    result = command("export", *words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "tlearn export" in result.stderr or "--for esp32" in result.stderr


def test_a_board_refuses_a_runtime_even_beside_its_mode(command: Command) -> None:
    result = command("export", "--for", "esp32", "--quantize", "int8", "--for-runtime", "2.14")
    assert result.exit_code == 2
    assert "--for-runtime" in result.stderr and "takes int8 alone" in result.stderr
