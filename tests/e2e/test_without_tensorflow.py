"""Work that needs no TensorFlow does not import it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.conftest import Program
from tlearn import api, models
from tlearn.storage.text import read_json


def test_a_known_backbone_is_advised_on_and_fitted(
    tlearn: Program, image_folder: Callable[..., Path], tiny_backbone: Path, converted: None
) -> None:
    words = (image_folder(classes=4, per_class=12), "--backbone", tiny_backbone)
    suggested = tlearn("suggest", *words)
    assert suggested.returncode == 0, suggested.stderr
    trained = tlearn("finetune", *words, "--policy", "linear-head", "--out", "run")
    assert trained.returncode == 0, trained.stderr
    assert not {"tensorflow", "keras"} & tlearn.heavy()
    report = api.evaluate(tlearn.folder / "run").report  # Keras reads what it has not written
    metrics = read_json(tlearn.folder / "run" / "metrics.json")
    assert report.accuracy == pytest.approx(metrics["test_accuracy"])


def test_a_litert_file_is_timed(tlearn: Program) -> None:
    (file,) = Path(models.__path__[0], "builtin").glob("*.tflite")
    done = tlearn("benchmark", file, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["load_seconds"] > 0
    assert not tlearn.heavy()
