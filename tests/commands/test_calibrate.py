"""What a run says its answers are worth, and that its model, its files and its doors agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.finished_run import Train
from tlearn import api
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.runtime import run_artifact
from tlearn.confidence.confidence import UNKNOWN
from tlearn.runs.answering import answer
from tlearn.runs.directory import RunDirectory
from tlearn.runs.metrics import read_metrics
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.text import read_json, write_json


@pytest.fixture
def strangers(tmp_path: Path) -> Path:
    """Twelve images of black and white pixels, which are none of the drawn shapes."""
    folder = tmp_path / "strangers"
    folder.mkdir()
    for seed in range(12):
        pixels = np.random.default_rng(seed).random((48, 48, 1)) < 0.5
        Image.fromarray(np.repeat(pixels * np.uint8(255), 3, axis=2)).save(folder / f"{seed}.png")
    return folder


def test_a_solved_head_is_calibrated_on_images_that_it_or_the_heads_of_folds_had_not_seen(
    finished_run: Path,
) -> None:
    confidence = read_metrics(RunDirectory(finished_run)).confidence
    manifest = TrainedRun.open(finished_run).manifest
    seen = ("out-of-fold and val", manifest.count("train") + manifest.count("val"))
    assert (confidence.temperature.fitted_on, confidence.temperature.n) == seen
    assert confidence.known is not None
    assert (confidence.known.fitted_on, confidence.known.n) == seen
    assert len(confidence.known.own) > 20


def test_a_tuned_network_is_calibrated_by_its_validation_images(train: Train) -> None:
    _, run = train(policy="top_stages", epochs=1, val_fraction=0.4)
    confidence = read_metrics(run).confidence
    n_val = TrainedRun.open(run.path).manifest.count("val")
    assert (confidence.temperature.fitted_on, confidence.temperature.n) == ("val", n_val)
    assert [sets.n for sets in confidence.sets] == [n_val] * len(confidence.sets)


def test_too_few_validation_images_leave_a_tuned_network_without_known(train: Train) -> None:
    _, run = train(policy="top_stages", epochs=1, val_fraction=0.1)
    confidence = read_metrics(run).confidence
    assert (confidence.temperature.value, confidence.known) == (1, None)
    trained = TrainedRun.open(run.path)
    assert answer(trained, trained.read_split("test").pixels).known is None


def test_keras_litert_and_the_files_say_the_same(finished_run: Path, converted: None) -> None:
    run = TrainedRun.open(finished_run)
    pixels = run.read_split("test").pixels
    keras, plain = run.predict(run.load_model(), pixels), answer(run, pixels)
    (artifact,) = api.export(finished_run, [("tflite", "none")])
    file = run_artifact(artifact.path, pixels)
    for other in (plain, file):
        np.testing.assert_allclose(other.probabilities, keras.probabilities, atol=1e-3)
        np.testing.assert_allclose(other.known, keras.known, atol=5e-3)
    contract, _ = read_contract(artifact.path)
    assert contract.known is not None and contract.known.shape == (1, 1)
    assert contract.refuse == 0.05
    assert contract.confidence is not None
    assert contract.confidence.sets == artifact.sets
    assert all(image.artifact_known is not None for image in contract.golden)


def test_strangers_are_refused_and_ones_own_are_not(train: Train, strangers: Path) -> None:
    _, run = train(backbone="builtin")
    result = api.evaluate(run.path, unknown=strangers)
    assert result.known is not None and result.strangers is not None
    assert result.known.share > 0.7
    assert result.strangers.n == 12
    assert result.strangers.accepted < 0.5
    assert result.strangers.auroc > 0.9
    predictions = api.predict(run.path, [strangers])
    refused = [prediction.label == "" for prediction in predictions]
    assert np.mean(refused) == pytest.approx(1 - result.strangers.accepted)
    assert predictions.known is not None and predictions.known.unlike


def test_a_file_tells_strangers_without_the_run(train: Train, strangers: Path) -> None:
    _, run = train(backbone="builtin")
    (artifact,) = api.export(run.path, [("tflite", "none")])
    result = api.check(artifact.path, strangers)
    assert result.predictions is not None
    assert sum(prediction.label == "" for prediction in result.predictions) > 6
    assert result.known is not None and result.known.unlike
    assert result.passed


@pytest.mark.parametrize("keys", [{}, {"policy": "top_stages", "epochs": 1, "val_fraction": 0.4}])
def test_a_class_of_strangers_is_no_class_and_teaches_what_to_refuse(
    train: Train, image_folder: Callable[..., Path], keys: dict[str, Any]
) -> None:
    folder = image_folder(classes=3, per_class=32)
    folder.joinpath("stripes").rename(folder / "_Unknown")
    result, run = train(folder, unknown="_Unknown", **keys)
    assert result.plan.split.classes == ("circle", "square")
    assert result.plan.split.unknown == "_Unknown"
    taught = read_metrics(run).taught
    assert taught is not None and taught == result.taught
    assert (taught.source, taught.n, taught.scores.n) == ("_Unknown", 24, 8)
    evaluated = api.evaluate(run.path)
    assert evaluated.strangers == taught.scores
    again = api.evaluate(run.path, unknown=folder / "_Unknown").strangers
    assert again is not None and (again.n, again.trained_on) == (32, 24)


def test_another_folder_of_strangers_teaches_the_files_as_well(
    train: Train, strangers: Path
) -> None:
    result, run = train(backbone="builtin", unknown=str(strangers))
    assert len(result.plan.split.classes) == 3
    assert result.taught is not None and result.taught.n == 9
    (artifact,) = api.export(run.path, [("tflite", "none")])
    predictions = api.check(artifact.path, strangers).predictions
    assert predictions is not None and not any(prediction.label for prediction in predictions)


def test_a_run_made_before_any_of_this_answers_as_it_did(
    finished_run: Path, run_images: Path
) -> None:
    metrics: Any = read_json(finished_run / "metrics.json")
    del metrics["confidence"]
    write_json(finished_run / "metrics.json", metrics)
    (finished_run / "sha256.json").unlink()
    assert read_metrics(RunDirectory(finished_run)).confidence == UNKNOWN
    result = api.evaluate(finished_run)
    assert (result.coverage, result.known) == ((), None)
