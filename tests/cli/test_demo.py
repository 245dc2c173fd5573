"""The first command that people try goes through to the end, twice, and overwrites nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def tlearn(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tlearn", *words],
        cwd=folder,
        env=os.environ | {"COLUMNS": "100"},
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_the_whole_workflow_on_digits(tmp_path: Path) -> None:
    done = tlearn(tmp_path, "demo", "first")
    assert done.returncode == 0, done.stderr
    commands = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert commands == ["suggest", "finetune", "evaluate", "export"]
    assert (tmp_path / "first/run/export/model.tflite").is_file()
    unseen = next((tmp_path / "first").glob("digit_*.png")).stem[-1]
    words = " ".join(done.stdout.split())
    assert f"model.tflite says: {unseen} (" in words
    before = (tmp_path / "first/run/model.keras").read_bytes()
    again = tlearn(tmp_path, "demo", "first", "--quiet")
    assert again.returncode == 0, again.stderr
    assert (tmp_path / "first/run-2/export/model.tflite").is_file()
    assert (tmp_path / "first/run/model.keras").read_bytes() == before
