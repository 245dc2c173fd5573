"""The commands as a person types them, from images to checked files: their words and no others."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter
from typer.testing import CliRunner

from tests.e2e.conftest import Program
from tlearn.artifacts.extras import EXTRAS
from tlearn.cli.app import app
from tlearn.data.decode import decode
from tlearn.export.formats import FORMATS

CHATTER = ("oneDNN", "TensorFlow Lite", "XNNPACK", "absl", "WARNING", "I0000", "cpu_feature")
CHATTER += ("tf2onnx", "openvino_telemetry", "Warning:")


def test_from_images_to_checked_files(
    tlearn: Program, run_images: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tlearn.folder)

    def answer(*words: object) -> Any:
        """A document, by a command in this process: the newest run is found from here too."""
        line = [*(str(word) for word in words), "--json"]
        result = CliRunner().invoke(app, line)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    words = ("--backbone", tiny_backbone, "--policy", "top-stages", "--epochs", 1)
    done = tlearn("finetune", run_images, *words)
    assert done.returncode == 0, done.stderr
    assert not [word for word in CHATTER if word in done.stdout + done.stderr]
    for line in done.stderr.splitlines():
        assert line.startswith(("✓ ", "  epoch", "  start")), line
    assert "tlearn export --tflite" in done.stdout.splitlines()[-1]
    (run,) = Path("runs").iterdir()
    assert "<svg" in (run / "report.html").read_text("utf-8")  # the curves of its epochs

    report = answer("evaluate")
    assert report["accuracy"] == json.loads((run / "metrics.json").read_text())["test_accuracy"]

    needed = {name: EXTRAS[format.extra] for name, format in FORMATS.items() if format.extra}
    extras = [f"--{name}" for name, packages in needed.items() if all(map(find_spec, packages))]
    formats = ("--quantize", "none", "--quantize", "int8", "--saved-model", *extras)
    exported = tlearn("export", *formats, "--max-drop", 100, "--json", "--quiet")
    assert exported.returncode == 0 and not exported.stderr
    artifacts = json.loads(exported.stdout)["artifacts"]
    assert len(artifacts) == 3 + len(extras)
    assert all(Path(artifact["path"]).exists() for artifact in artifacts)
    exact = [artifact for artifact in artifacts if artifact["quantization"] == "none"]
    assert {artifact["agreement"] for artifact in exact} == {1.0}

    file = exact[0]["path"]
    assert Path(file).name == "model.tflite"
    checked = answer("check", file, run_images)
    assert checked["passed"] and checked["report"]["n"] == 60
    assert {check["verdict"] for check in checked["checks"]} == {"kept"}

    # A phone's view of it: the file alone, its labels unzipped, one path.
    path = sorted((run_images / "circle").iterdir())[0]
    prediction = answer("predict", path)["predictions"][0]
    runner = Interpreter(model_path=file).get_signature_runner("serving_default")
    image = decode(path, 32, "squash")[np.newaxis].astype(np.float32)
    probabilities = runner(image=image)["probabilities"][0]
    assert ("circle", "square", "stripes")[int(probabilities.argmax())] == prediction["label"]
    assert float(probabilities.max()) == pytest.approx(prediction["probability"], abs=1e-3)
