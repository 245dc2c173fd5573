"""What follows an export, as a person types it: a program around the file, and its speed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import Program


@pytest.mark.slow
def test_the_best_file_within_a_budget_is_used_and_timed(
    tlearn: Program, finished_run: Path, run_images: Path
) -> None:
    def answer(*words: object, code: int = 0) -> Any:
        done = tlearn(*words, "--json", "--quiet")
        assert done.returncode == code and not done.stderr, done.stderr
        return json.loads(done.stdout)

    line = ("export", finished_run, "--max-drop", 100, "--quantize", "none")
    missed = answer(*line, "--max-size", "1kB", code=1)
    large = missed["artifacts"][0]
    assert missed["kept"] is None and large["path"] is None
    assert any(str(run_images) in way for way in missed["suggestions"])
    assert not (finished_run / "export").exists()

    budget = f"{0.8 * large['size_bytes'] / 1e3:.0f}kB"
    found = answer(*line, "--quantize", "float16", "--max-size", budget, "--snippet", "python")
    small = found["artifacts"][1]
    assert large["size_bytes"] > small["size_bytes"]
    export = finished_run / "export"
    assert Path(found["kept"]).name == Path(small["path"]).name == "model_float16.tflite"
    assert (export / "classify_model_float16.py").exists()
    assert not (export / "model.tflite").exists()

    image = next((run_images / "circle").iterdir())
    said = tlearn.python(export / "classify_model_float16.py", image).stdout
    prediction = answer("predict", finished_run, image)["predictions"][0]
    label, probability = said.split("\t")[1].split()
    assert label == prediction["label"]
    assert float(probability) == pytest.approx(prediction["probability"], abs=0.01)

    timed = answer("benchmark", export / "model_float16.tflite", "--threads", "1")
    assert timed["latencies"][0]["median_milliseconds"] > 0
    assert timed["size_bytes"] == small["size_bytes"]
