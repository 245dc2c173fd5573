"""What the program that is to read the files asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn.export.parity import Artifact

GOOD = Artifact(Path("model.tflite"), "tflite", "none", 9_000_000, 1.0, 0.95, 0.0, 3.6, True, "")


def test_a_runtime_holds_for_the_modes_that_are_chosen(
    command: Command, calls: Callable[..., Any]
) -> None:
    recorded = calls("export", [GOOD])
    assert command("export", "--quantize", "int8", "--for-runtime", "2.14").exit_code == 0
    assert recorded[0][0] == (None, [("tflite", "int8")])
    assert recorded[0][1]["for_runtime"] == "2.14"


@pytest.mark.parametrize(
    ("words", "problem", "hint"),
    [
        (("--tflite", "--for-runtime", "new"), "not a version", "--for-runtime 2.14"),
        (("--onnx", "--for-runtime", "2.14"), "about tflite files", "--tflite"),
        (("--tflite", "--layout", "nchw"), "about onnx files", "--onnx"),
        (("--onnx", "--layout", "chw"), "no such order", "--layout nchw"),
    ],
)
def test_a_flag_that_says_nothing_is_refused(
    command: Command, words: tuple[str, ...], problem: str, hint: str
) -> None:
    result = command("export", *words)
    assert result.exit_code == 2 and problem in result.stderr
    assert result.stderr.rstrip().endswith(hint)
