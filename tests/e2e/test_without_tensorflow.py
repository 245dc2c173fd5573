"""Work that needs no TensorFlow does not import it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import draw_image
from tests.e2e.conftest import Program
from tests.finished_run import Train
from tlearn import models
from tlearn.runs.trained_run import TrainedRun
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
    run = TrainedRun.open(tlearn.folder / "run")
    images = run.read_split("test")
    answers = run.predict(run.load_model(), images.pixels)  # Keras has not written it
    metrics = read_json(tlearn.folder / "run" / "metrics.json")
    accuracy = np.mean(answers.probabilities.argmax(1) == images.labels)
    assert accuracy == pytest.approx(metrics["test_accuracy"])
    assert answers.known is not None and ((answers.known >= 0) & (answers.known <= 1)).all()


def test_a_litert_file_is_timed(tlearn: Program) -> None:
    (file,) = Path(models.__path__[0], "builtin").glob("*.tflite")
    done = tlearn("benchmark", file, "--threads", 1, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["load_seconds"] > 0
    assert not tlearn.heavy()


def test_a_run_answers(
    tlearn: Program, linear_head_run: Path, run_images: Path, converted: None, tmp_path: Path
) -> None:
    run, image = linear_head_run / "run", next(run_images.rglob("*.png"))
    draw_image("circle", 70_000).save(new := tmp_path / "new.png")
    for words in (("predict", run, image), ("embed", run, run_images, "--similar", image)):
        done = tlearn(*words)
        assert done.returncode == 0, done.stderr
        assert not tlearn.heavy(), words
    for words in (("evaluate", run), ("next", run, new)):
        done = tlearn(*words)
        assert done.returncode == 0, done.stderr
        assert not {"tensorflow", "keras"} & tlearn.heavy(), words


def test_a_tuned_run_answers(tlearn: Program, train: Train, run_images: Path) -> None:
    """It was converted when TensorFlow was there: at the end of its training."""
    _, run = train(policy="top_stages", epochs=1)
    done = tlearn("predict", run.path, next(run_images.rglob("*.png")))
    assert done.returncode == 0, done.stderr
    assert not tlearn.heavy()


def test_a_litert_file_is_served(
    tlearn: Program, linear_head_run: Path, run_images: Path, converted: None
) -> None:
    exported = tlearn("export", linear_head_run / "run", "--tflite", "--out", "export")
    assert exported.returncode == 0, exported.stderr
    tlearn.log.unlink()
    done = tlearn.python("-c", _SERVE, "export/model.tflite", next(run_images.rglob("*.png")))
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["label"]
    assert not tlearn.heavy()


_SERVE = """
import json, sys
from pathlib import Path
from tests.http_server import running
from tlearn.commands.serve import serve
with running(serve(Path(sys.argv[1]), port=0)) as client:
    print(json.dumps(client.post(Path(sys.argv[2]).read_bytes()).document))
"""
