"""A child process does with a model what needs TensorFlow."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from tlearn.backend.litert import convert
from tlearn.backend.with_tensorflow import call_with_tensorflow, prefer_tensorflow
from tlearn.errors import BackboneError
from tlearn.features.engine import LiteRTEngine


def test_a_child_converts_as_this_process_does(tmp_path: Path) -> None:
    import keras

    image = keras.Input((8, 8, 3), name="image")
    model = keras.Model(image, keras.layers.GlobalAveragePooling2D(name="mean")(image))
    content = call_with_tensorflow("tlearn.backend.litert:convert", model, batch=None)
    (tmp_path / "model.tflite").write_bytes(content)
    images = np.random.default_rng(0).uniform(0, 255, (3, 8, 8, 3)).astype(np.float32)
    (answers,) = LiteRTEngine(tmp_path / "model.tflite").run([images])
    np.testing.assert_allclose(answers, images.mean(axis=(1, 2)), rtol=1e-5)
    assert content == convert(model, batch=None)


def test_errors_of_a_child_are_raised_here(monkeypatch: pytest.MonkeyPatch) -> None:
    import keras

    image = keras.Input((4, 4, 3), name="image")
    unsupported = keras.Model(image, keras.ops.fft2((image, image))[0], name="unsupported")
    with pytest.raises(BackboneError, match="cannot be converted to LiteRT"):
        call_with_tensorflow("tlearn.backend.litert:convert", unsupported)
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(BackboneError, match="could not be used"):
        call_with_tensorflow("tlearn.backend.litert:convert", unsupported)


def test_what_has_been_imported_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    prefer_tensorflow()  # Keras is in use here
    assert os.environ["KERAS_BACKEND"] == "jax"
    monkeypatch.delitem(sys.modules, "keras")
    prefer_tensorflow()
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
