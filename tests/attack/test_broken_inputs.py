"""A few cases of each kind of broken input; `python -m benchmarks.attack` runs thousands."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import draw_folder
from tlearn import api

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="a case is a forked process")
ROOT = Path(__file__).parents[2]
KINDS = ("images", "files and folders", "CSVs", "recipes", "artifacts", "runs", "caches")
KINDS += ("environments",)
CASES = 6
"""Of each kind, drawn with one seed."""


@pytest.fixture(scope="session")
def workshop(
    once: Callable[[str, Callable[[Path], object]], Path],
    linear_head_run: Path,
    tiny_backbone_flags: dict[str, Any],
) -> Path:
    """What the cases break: images, a run, its export, a cache."""

    def make(folder: Path) -> None:
        draw_folder(folder / "images")
        for name in ("run", "cache"):
            shutil.copytree(linear_head_run / name, folder / name)
        options = api.ExportOptions(max_drop=1.0)
        api.export(folder / "run", [("tflite", "none")], options=options, out=folder / "export")

    return once("attack-workshop", make)


@pytest.mark.parametrize("kind", KINDS)
def test_broken_input_is_refused_in_a_sentence_or_passed_over(
    kind: str, workshop: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    shutil.copytree(workshop, tmp_path / "out")
    flags = ["--backbone", tiny_backbone_flags["backbone"]]
    line = [sys.executable, "-m", "benchmarks.attack", "--cheap", "--only", kind]
    line += ["--cases", str(CASES), "--flags", shlex.join(flags)]
    done = subprocess.run(
        [*line, "--out", str(tmp_path / "out")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| {kind} | {CASES} |" in done.stdout
