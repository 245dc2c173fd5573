"""A real training and a real export: what reaches the terminal is ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tlearn.artifacts.extras import EXTRAS

CHATTER = ("oneDNN", "TensorFlow Lite", "XNNPACK", "absl", "WARNING", "I0000", "cpu_feature")
CHATTER += ("tf2onnx", "openvino_telemetry")


def test_tensorflow_says_nothing(
    image_folder: Callable[..., Path], small_weights: Path, tmp_path: Path
) -> None:
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)

    def tlearn(*words: object) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-m", "tlearn", *(str(word) for word in words)]
        done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert not [word for word in CHATTER if word in done.stdout + done.stderr]
        return done

    backbone = ["--backbone", "mobilenet-025", "--weights", small_weights, "--image-size", 32]
    tuned = ["--policy", "top-stages", "--epochs", 1]
    done = tlearn("finetune", image_folder(per_class=12), *backbone, *tuned)
    for line in done.stderr.splitlines():
        assert line.startswith(("✓ ", "  epoch", "  start")), line
    assert "tlearn export --tflite" in done.stdout.splitlines()[-1]

    extras = [f"--{name}" for name, packages in EXTRAS.items() if all(map(find_spec, packages))]
    formats = ["--quantize", "int8", "--saved-model", *extras]
    exported = tlearn("export", *formats, "--max-drop", 100, "--json", "--quiet")
    assert not exported.stderr
    artifacts = json.loads(exported.stdout)["artefacts"]
    assert len(artifacts) == 2 + len(extras)
    assert all((tmp_path / artifact["path"]).exists() for artifact in artifacts)
