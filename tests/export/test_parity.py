from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.export.parity import Artefact, check, compare
from tlearn.export.runtime import run_artefact
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite
from tlearn.models.litert import convert

LABELS = ("horizontal", "vertical", "checks")


def one_hot(answers: list[int]) -> np.ndarray:
    return np.eye(3, dtype=np.float32)[answers]


@pytest.mark.parametrize(
    ("answers", "max_drop", "agreement", "accuracy", "drop", "passes"),
    [
        ([0, 1, 2, 0, 1], 0.0, 1.0, 0.8, 0.0, True),
        ([0, 1, 2, 2, 1], 0.2, 0.8, 0.6, 0.2, True),
        ([0, 1, 2, 2, 1], 0.199, 0.8, 0.6, 0.2, False),
        ([0, 1, 2, 0, 2], 0.0, 0.8, 1.0, -0.2, True),
        ([1, 2, 0, 1, 0], 0.79, 0.0, 0.0, 0.8, False),
    ],
)
def test_gate(
    answers: list[int],
    max_drop: float,
    agreement: float,
    accuracy: float,
    drop: float,
    passes: bool,
) -> None:
    found = compare(one_hot([0, 1, 2, 0, 1]), one_hot(answers), np.array([0, 1, 2, 0, 2]), max_drop)
    assert found[:3] == pytest.approx((agreement, accuracy, drop))
    assert (found.reason == "") is passes


def test_gate_names_the_numbers() -> None:
    found = compare(one_hot([0, 1]), one_hot([1, 1]), np.array([0, 1]), 0.02)
    assert found.reason == (
        "accuracy fell from 1.000 to 0.500 on 2 pictures; a drop of 0.02 is allowed"
    )


def test_values_that_are_not_finite_fail_at_any_drop() -> None:
    broken = one_hot([0, 1])
    broken[0] = np.nan
    found = compare(one_hot([0, 1]), broken, np.array([0, 1]), max_drop=1.0)
    assert "1 of 2 pictures" in found.reason
    assert found.accuracy == 0.5


def test_another_number_of_classes_fails() -> None:
    found = compare(one_hot([0, 1]), np.eye(4)[[0, 1]], np.array([0, 1]), max_drop=1.0)
    assert "wrong shape" in found.reason


def passing(path: Path, format: str, trained: Any, pixels: np.ndarray | None = None) -> Artefact:
    pixels = trained.pixels if pixels is None else pixels
    return check(path, format, "none", pixels, trained.labels, trained.probabilities, 0.02)


def test_a_good_file_keeps_its_name(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    stale = tmp_path / "model.failed.tflite"
    stale.touch()
    write_tflite(trained.model, path, "none", None, LABELS, {})
    pixels = np.lib.format.open_memmap(
        tmp_path / "pixels.npy", "w+", np.uint8, trained.pixels.shape
    )
    pixels[:] = trained.pixels
    artefact = passing(path, "tflite", trained, pixels)
    assert artefact.passed
    assert artefact.reason == ""
    assert artefact.path == path
    assert artefact.agreement == 1.0
    assert artefact.drop == 0.0
    assert artefact.size_bytes == path.stat().st_size
    assert 0 < artefact.milliseconds < 1000
    assert not stale.exists()
    assert set(asdict(artefact)) >= {"format", "quantization", "accuracy"}


def test_a_broken_file_fails_and_is_renamed(trained: Any, tmp_path: Path) -> None:
    import keras

    broken = keras.models.clone_model(trained.model)
    broken.set_weights(trained.model.get_weights())
    kernel, bias = broken.get_layer("probabilities").get_weights()
    broken.get_layer("probabilities").set_weights([np.roll(kernel, 1, axis=1), bias])
    path = tmp_path / "model_int8.tflite"
    write_tflite(broken, path, "int8", trained.train_pixels[:40], LABELS, {})
    artefact = passing(path, "tflite", trained)
    assert not artefact.passed
    assert artefact.drop > 0.5
    assert "accuracy fell" in artefact.reason
    assert artefact.path == tmp_path / "model_int8.failed.tflite"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model_int8.failed.tflite"]


def test_a_file_that_cannot_run_fails(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_text("this is not a model")
    artefact = passing(path, "tflite", trained)
    assert not artefact.passed
    assert "LiteRT cannot run" in artefact.reason
    assert artefact.path.name == "model.failed.tflite"


def test_saved_model_is_held_to_the_same_gate(trained: Any, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "saved_model"
    write_saved_model(trained.model, path, LABELS)
    artefact = passing(path, "saved_model", trained)
    assert artefact.passed
    assert artefact.agreement == 1.0
    assert artefact.size_bytes > 10_000
    assert artefact.milliseconds > 0

    broken = keras.models.clone_model(trained.model)
    write_saved_model(broken, path, LABELS)
    artefact = passing(path, "saved_model", trained)
    assert not artefact.passed
    assert artefact.path == tmp_path / "saved_model.failed"
    assert (artefact.path / "saved_model.pb").is_file()
    assert not path.exists()


def test_int8_ends_and_any_batch_are_read(trained: Any, tmp_path: Path) -> None:
    for batch, input_type in ((1, "int8"), (None, "uint8"), (None, "float32")):
        content = convert(
            trained.model,
            batch=batch,
            quantization="int8",
            representative=trained.train_pixels[:60],
            input_type=input_type,
        )
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        found = run_artefact(path, trained.pixels)
        assert np.mean(found.argmax(1) == trained.labels) > 0.9, input_type
