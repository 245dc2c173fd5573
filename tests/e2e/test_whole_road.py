"""The commands as a person types them, in processes of their own, from folder to checked file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tlearn.data.decode import decode


def test_from_a_folder_to_a_checked_file(
    image_folder: Callable[..., Path], small_weights: Path, tmp_path: Path
) -> None:
    folder = image_folder(per_class=20)

    def tlearn(*words: str, code: int = 0) -> Any:
        done = subprocess.run(
            [sys.executable, "-m", "tlearn", *words, "--json", "--quiet"],
            cwd=tmp_path,
            env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": ""},
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stderr
        assert done.stderr == ""  # nothing of TensorFlow either
        return json.loads(done.stdout)

    backbone = ["--backbone", "mobilenet-025", "--weights", str(small_weights)]
    backbone += ["--image-size", "32"]
    advice = tlearn("suggest", str(folder), *backbone)
    assert {"policy", "size", "similarity", "reasons", "n_train", "n_classes"} <= advice.keys()

    run = tlearn("finetune", str(folder), *backbone, "--policy", "linear-head")
    keys = {"run", "policy", "backbone", "val_accuracy", "test_accuracy", "seconds"}
    assert keys <= run.keys()
    assert Path(tmp_path, run["run"]).is_dir()

    report = tlearn("evaluate")
    keys = {"accuracy", "interval", "macro_f1", "per_class", "confusion", "calibration_error"}
    assert keys <= report.keys()
    assert report["accuracy"] == run["test_accuracy"]

    found = tlearn("export", "--tflite", "--max-drop", "0")["artefacts"][0]
    keys = {"path", "format", "quantization", "size_bytes", "agreement", "accuracy", "drop"}
    assert keys | {"milliseconds"} <= found.keys()
    assert found["agreement"] == 1.0

    checked = tlearn("check", found["path"], str(folder))
    assert {"artefact", "passed", "contract", "checks", "report", "predictions"} <= checked.keys()
    assert checked["passed"] and checked["report"]["n"] == 60
    assert {check["verdict"] for check in checked["checks"]} == {"kept"}

    # A phone's view of it: the file alone, its labels unzipped, one path.
    path = sorted((folder / "circle").iterdir())[0]
    answer = tlearn("predict", str(path))["predictions"][0]
    interpreter = Interpreter(model_path=str(tmp_path / found["path"]))
    runner = interpreter.get_signature_runner("serving_default")
    image = decode(path, 32, "squash")[np.newaxis].astype(np.float32)
    probabilities = runner(image=image)["probabilities"][0]
    labels = ["circle", "square", "stripes"]
    assert labels[int(probabilities.argmax())] == answer["label"]
    assert abs(float(probabilities.max()) - answer["probability"]) < 1e-4


def test_a_file_that_fails_the_gate_says_so_in_its_name(
    image_folder: Callable[..., Path], small_weights: Path, tmp_path: Path
) -> None:
    from tlearn import api

    flags = {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 32}
    run = tmp_path / "run"
    folder = image_folder(per_class=20)
    api.finetune(folder, flags=flags | {"policy": "linear_head"}, out=run)
    # A gate below nothing fails every file: the limit is on the drop, and a drop of 0 exceeds -1.
    found = api.export(run, [("tflite", "none")], max_drop=-1.0)[0]
    assert not found.passed
    assert found.path.name == "model.failed.tflite"
