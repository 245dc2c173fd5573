"""A fresh process is timed to its first answer, and its own memory is measured."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tlearn.artifacts.cold_start import cold_start
from tlearn.errors import ExportError
from tlearn.export.tflite import write_tflite


def test_a_fresh_process_answers(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, ("horizontal", "vertical", "checks"), {})
    start = cold_start(path)
    assert start.seconds > 0
    assert start.peak_bytes is None or start.peak_bytes > 1_000_000


def test_memory_is_that_of_the_process_itself(trained: Any, tmp_path: Path) -> None:
    """However large the one that starts it: this one has imported TensorFlow."""
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, ("horizontal", "vertical", "checks"), {})
    alone = "from tlearn.artifacts.cold_start import cold_start; import pathlib, sys\n"
    alone += "print(cold_start(pathlib.Path(sys.argv[1])).peak_bytes or 0)"
    line = [sys.executable, "-c", alone, str(path)]
    light = int(subprocess.run(line, capture_output=True, text=True, check=True).stdout)
    assert (cold_start(path).peak_bytes or 0) == pytest.approx(light, rel=0.5)


def test_a_process_that_fails_says_why(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_text("this is not a model")
    with pytest.raises(ExportError, match="LiteRT cannot run"):
        cold_start(path)
