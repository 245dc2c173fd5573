from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.runtime import run_artifact
from tlearn.backend.litert import convert
from tlearn.export.parity import Artifact, compare_with_model
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "checks")


def passing(path: Path, format: str, trained: Any, pixels: np.ndarray | None = None) -> Artifact:
    inputs = replace(trained.inputs(pixels), max_drop=0.02)
    return compare_with_model(inputs, path, (format, "none"), ["try another"])


def test_a_good_file_keeps_its_name(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    stale = tmp_path / "model.failed.tflite"
    stale.touch()
    write_tflite(trained.model, path, "none", None, LABELS, {})
    pixels = np.lib.format.open_memmap(
        tmp_path / "pixels.npy", "w+", np.uint8, trained.pixels.shape
    )
    pixels[:] = trained.pixels
    artifact = passing(path, "tflite", trained, pixels)
    assert artifact.passed
    assert artifact.failure == ""
    assert artifact.path == path
    assert artifact.agreement == 1.0
    assert artifact.accuracy_drop == 0.0
    assert artifact.size_bytes == path.stat().st_size
    assert artifact.milliseconds > 0
    assert not stale.exists()
    assert (artifact.changed_predictions, artifact.changed_classes, artifact.advice) == ((), (), ())
    assert artifact.largest_difference < 1e-5
    assert artifact.drop_interval == pytest.approx((-0.041, 0.041), abs=1e-3)
    assert artifact.threads == 1


def test_a_broken_file_fails_and_is_renamed(trained: Any, tmp_path: Path) -> None:
    import keras

    broken = keras.models.clone_model(trained.model)
    broken.set_weights(trained.model.get_weights())
    kernel, bias = broken.get_layer("head").get_weights()
    broken.get_layer("head").set_weights([np.roll(kernel, 1, axis=1), bias])
    path = tmp_path / "model_int8.tflite"
    write_tflite(broken, path, "int8", trained.train_pixels[:40], LABELS, {})
    artifact = passing(path, "tflite", trained)
    assert not artifact.passed
    assert artifact.accuracy_drop > 0.5
    assert "accuracy fell" in artifact.failure and "2 is allowed" in artifact.failure
    assert artifact.advice == ("try another",)
    assert {change.name for change in artifact.changed_classes} == set(LABELS)
    first = artifact.changed_predictions[0]
    row = int(first.image.removesuffix(".png"))
    assert first.truth == LABELS[trained.labels[row]] and first.before != first.after
    assert artifact.path == tmp_path / "model_int8.failed.tflite"
    assert [entry.name for entry in tmp_path.iterdir()] == ["model_int8.failed.tflite"]


def test_a_file_that_cannot_run_fails(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_text("this is not a model")
    artifact = passing(path, "tflite", trained)
    assert not artifact.passed
    assert "LiteRT cannot run" in artifact.failure
    assert (artifact.agreement, artifact.accuracy, artifact.milliseconds) == (0, 0, 0)
    assert artifact.path.name == "model.failed.tflite"


def test_a_check_that_is_stopped_leaves_no_file_that_looks_checked(
    trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("tlearn.export.parity.run_artifact", stop)
    (tmp_path / "model.tflite").touch()
    with pytest.raises(KeyboardInterrupt):
        passing(tmp_path / "model.tflite", "tflite", trained)
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.failed.tflite"]


def test_saved_model_is_held_to_the_same_gate(trained: Any, tmp_path: Path) -> None:
    import keras

    path = tmp_path / "saved_model"
    write_saved_model(trained.model, path, LABELS)
    artifact = passing(path, "saved_model", trained)
    assert artifact.passed
    assert artifact.agreement == 1.0
    assert artifact.size_bytes > 10_000
    assert artifact.milliseconds > 0
    assert artifact.threads is None

    broken = keras.models.clone_model(trained.model)
    write_saved_model(broken, path, LABELS)
    artifact = passing(path, "saved_model", trained)
    assert not artifact.passed
    assert artifact.path == tmp_path / "saved_model.failed"
    assert (artifact.path / "saved_model.pb").is_file()
    assert not path.exists()


def test_int8_input_and_output_and_any_batch_are_read(trained: Any, tmp_path: Path) -> None:
    for batch, dtype in ((1, "int8"), (None, "uint8"), (None, "float32")):
        content = convert(
            trained.model,
            batch=batch,
            quantization="int8",
            representative=trained.train_pixels[:60],
            io_dtype=dtype,
        )
        path = tmp_path / "model.tflite"
        path.write_bytes(content)
        probabilities = run_artifact(path, trained.pixels).probabilities
        assert np.mean(probabilities.argmax(1) == trained.labels) > 0.9, dtype
