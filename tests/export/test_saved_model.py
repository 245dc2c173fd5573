from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.runtime import run_artifact
from tlearn.errors import ExportError, HostError
from tlearn.export.saved_model import write_saved_model

LABELS = ("a, b", "ü\n☃", "c")

ANOTHER_PROGRAM = """
import json, sys
import numpy as np, tensorflow as tf
loaded = tf.saved_model.load(sys.argv[1])
serve = loaded.signatures["serving_default"]
pixels = np.load(sys.argv[2])
result = serve(image=tf.constant(pixels.astype("float32")))
labels = loaded.labels.asset_path.numpy().decode()
json.dump({
    "signatures": list(loaded.signatures),
    "inputs": {name: repr(spec) for name, spec in serve.structured_input_signature[1].items()},
    "result": {name: value.numpy().tolist() for name, value in result.items()},
    "labels": open(labels, "rb").read().decode(),
    "imported": [name for name in sys.modules if name.startswith("tlearn")],
}, sys.stdout)
"""


@pytest.fixture(scope="module")
def saved(trained: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "saved_model"
    write_saved_model(trained.model, path, LABELS)
    return path


def test_another_program_loads_it(saved: Path, trained: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "pixels.npy", trained.pixels[:5])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", ANOTHER_PROGRAM, str(saved), str(tmp_path / "pixels.npy")],
        capture_output=True,
        check=True,
        cwd=tmp_path,
        env=environment,
    )
    seen = json.loads(done.stdout)
    assert seen["signatures"] == ["serving_default"]
    assert list(seen["inputs"]) == ["image"]
    assert "shape=(None, 32, 32, 3), dtype=tf.float32" in seen["inputs"]["image"]
    assert list(seen["result"]) == ["probabilities"]
    np.testing.assert_allclose(
        seen["result"]["probabilities"], trained.probabilities[:5], atol=1e-5
    )
    assert seen["labels"] == "a, b\nü\\n☃\nc\n"
    assert seen["imported"] == []


def test_answers_as_the_model_does(saved: Path, trained: Any) -> None:
    probabilities = run_artifact(saved, trained.pixels).probabilities
    np.testing.assert_allclose(probabilities, trained.probabilities, atol=1e-5)


def test_swish_and_normalization(tmp_path: Path) -> None:
    """Their gradient and their constants are what a plain export stumbles over."""
    import keras
    from keras import layers

    image = keras.Input((32, 32, 3), name="image")
    x = layers.Normalization(mean=(120, 110, 100), variance=(60, 61, 62))(image)
    x = layers.Conv2D(8, 3, activation="swish")(x)
    x = layers.Dense(3, "softmax", name="probabilities")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, x)
    write_saved_model(model, tmp_path / "saved_model", LABELS)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    expected = model.predict(pixels.astype("float32"), verbose=0)
    answers = run_artifact(tmp_path / "saved_model", pixels).probabilities
    np.testing.assert_allclose(answers, expected, atol=1e-5)


def test_replaces_an_older_one_and_is_silent(trained: Any, tmp_path: Path, capfd: Any) -> None:
    path = tmp_path / "saved_model"
    path.mkdir()
    (path / "old").touch()
    write_saved_model(trained.model, path, LABELS)
    assert not (path / "old").exists()
    assert (path / "assets" / "labels.txt").is_file()
    assert [entry.name for entry in tmp_path.iterdir()] == ["saved_model"]
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_labels_have_to_fit(trained: Any, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="4 labels for 3 classes"):
        write_saved_model(trained.model, tmp_path / "saved_model", (*LABELS, "d"))


@pytest.mark.parametrize(
    ("error", "words"),
    [("ResourceExhaustedError", "No space left"), ("OutOfRangeError", "File too large")],
)
def test_what_the_system_refuses_tensorflow_is_told_in_a_sentence(
    error: str, words: str, trained: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tensorflow as tf

    def refuse(*_: Any, **__: Any) -> None:
        raise getattr(tf.errors, error)(None, None, "refused")

    monkeypatch.setattr(tf.saved_model, "save", refuse)
    with pytest.raises(HostError, match=words):
        write_saved_model(trained.model, tmp_path / "saved_model", LABELS)
    assert not list(tmp_path.iterdir())
