"""What follows an export, as a person types it: a budget, programs around the file, its speed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api

Tlearn = Callable[..., Any]


@pytest.fixture
def tlearn(image_folder: Callable[..., Path], small_weights: Path, tmp_path: Path) -> Tlearn:
    """Run a command beside a run, by name `run`, and read its document."""
    flags = {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 32}
    flags |= {"policy": "linear_head"}
    api.finetune(image_folder(per_class=20), flags=flags, out=tmp_path / "run")

    def command(*words: str, code: int = 0) -> Any:
        line = [sys.executable, "-m", "tlearn", *words, "--json", "--quiet"]
        done = subprocess.run(
            line, cwd=tmp_path, env=dict(os.environ), capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        assert done.stderr == ""
        return json.loads(done.stdout)

    return command


@pytest.mark.slow
def test_the_best_file_within_a_budget_is_used_and_timed(tlearn: Tlearn, tmp_path: Path) -> None:
    missed = tlearn("export", "run", "--quantize", "none", "--max-size", "1kB", code=1)
    assert missed["kept"] is None and missed["artefacts"][0]["path"] is None
    assert any(str(tmp_path / "pictures") in way for way in missed["suggestions"])
    assert not (tmp_path / "run" / "export").exists()

    asked = ("--quantize", "none", "--quantize", "float16", "--max-drop", "100")
    found = tlearn("export", "run", *asked, "--max-size", "700kB", "--snippet", "python")
    large, small = found["artefacts"]
    assert large["size_bytes"] > 700_000 > small["size_bytes"]
    assert found["kept"] == small["path"] == "run/export/model_float16.tflite"
    kept = {file.name for file in (tmp_path / "run" / "export").iterdir()}
    assert {"model_float16.tflite", "classify_model_float16.py"} <= kept
    assert "model.tflite" not in kept

    (program,) = found["snippets"]
    image = str(next((tmp_path / "pictures" / "circle").iterdir()))
    line = [sys.executable, program, image]
    said = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    answer = tlearn("predict", "run", image)["predictions"][0]
    label, probability = said.split("\t")[1].split()
    assert label == answer["label"]
    assert float(probability) == pytest.approx(answer["probability"], abs=0.01)

    timed = tlearn("benchmark", found["kept"], "--threads", "1")
    assert timed["latencies"][0]["median_milliseconds"] > 0
    assert timed["size_bytes"] == small["size_bytes"]
