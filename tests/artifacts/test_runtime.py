"""Artifacts run one image at a time, and what another program wrote is refused with a reason."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.runtime import (
    open_runtime,
    random_image,
    reason_of,
    run_artifact,
    takes_threads,
)
from tlearn.backend.silence import silence_output
from tlearn.errors import ExportError
from tlearn.export.saved_model import write_saved_model
from tlearn.export.tflite import write_tflite

LABELS = ("horizontal", "vertical", "checks")


@pytest.fixture
def litert_file(trained: Any, tmp_path: Path) -> Path:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "none", None, LABELS, {})
    return path


@pytest.fixture
def saved_model(trained: Any, tmp_path: Path) -> Path:
    path = tmp_path / "saved_model"
    write_saved_model(trained.model, path, LABELS)
    return path


@pytest.mark.parametrize("kind", ["litert_file", "saved_model"])
def test_it_answers_as_the_model_does(
    kind: str, request: pytest.FixtureRequest, trained: Any
) -> None:
    path = request.getfixturevalue(kind)
    answers = run_artifact(path, trained.pixels[:5])
    probabilities = answers.probabilities
    assert answers.known is None  # the model has no such output
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities, trained.probabilities[:5], atol=1e-5)
    assert random_image(open_runtime(path)).shape == (32, 32, 3)
    assert takes_threads(path) is (kind == "litert_file")


def test_integers_are_converted_to_probabilities(trained: Any, tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    write_tflite(trained.model, path, "int8", trained.train_pixels[:60], LABELS, {})
    probabilities = run_artifact(path, trained.pixels[:20]).probabilities
    assert probabilities.dtype == np.float32
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=0.02)
    np.testing.assert_allclose(probabilities, trained.probabilities[:20], atol=0.2)


def test_of_outputs_with_other_names_the_first_is_the_answer(tmp_path: Path) -> None:
    """A network for features has several, and is timed like any other."""
    import tensorflow as tf

    function = tf.function(lambda x: {"stage_1": x[:, 0, 0], "stage_2": 2 * x[:, 0, 0]})
    traced = function.get_concrete_function(tf.TensorSpec((1, 4, 4, 3), tf.float32, name="image"))
    with silence_output():
        content = tf.lite.TFLiteConverter.from_concrete_functions([traced]).convert()
    (tmp_path / "features.tflite").write_bytes(content)
    answers = run_artifact(tmp_path / "features.tflite", np.full((2, 4, 4, 3), 7, np.uint8))
    assert answers.probabilities.shape == (2, 3) and answers.known is None


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.txt", "not an artifact"),
        ("model.tflite", "LiteRT cannot run"),
        ("folder", "not a SavedModel"),
    ],
)
def test_a_file_that_is_no_model(tmp_path: Path, name: str, message: str) -> None:
    path = tmp_path / name
    if name == "folder":
        path.mkdir()
    else:
        path.write_text("this is not a model")
    with pytest.raises(ExportError, match=message) as error:
        open_runtime(path)
    assert f"'{path}'" in error.value.message
    assert error.value.hint == "export it again: tlearn export RUN"


@pytest.fixture
def doubling() -> Callable[..., Any]:
    """A function of four numbers, which are no image."""
    import tensorflow as tf

    return tf.function(lambda x: {"y": 2 * x}).get_concrete_function(
        tf.TensorSpec((None, 4), tf.float32, name="x")
    )


@pytest.mark.parametrize(
    ("signed", "message"),
    [(True, "takes 'x' .*one image named 'image'"), (False, "has no signature")],
)
def test_a_saved_model_that_takes_no_image(
    doubling: Any, tmp_path: Path, signed: bool, message: str
) -> None:
    import tensorflow as tf

    signatures = {"serving_default": doubling} if signed else None
    tf.saved_model.save(tf.Module(), str(tmp_path / "theirs"), signatures=signatures)
    with pytest.raises(ExportError, match=message):
        open_runtime(tmp_path / "theirs")


def test_a_litert_file_that_takes_no_image(doubling: Any, tmp_path: Path) -> None:
    import tensorflow as tf

    with silence_output():
        content = tf.lite.TFLiteConverter.from_concrete_functions([doubling]).convert()
    (tmp_path / "theirs.tflite").write_bytes(content)
    with pytest.raises(ExportError, match=r"takes 'x' \[1, 4\]; expected one image"):
        open_runtime(tmp_path / "theirs.tflite")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Exception from src/core.cpp:57:\n\n  no such operator\nmore", "no such operator"),
        ("", "RuntimeError"),
    ],
)
def test_the_reason_is_one_line(text: str, reason: str) -> None:
    assert reason_of(RuntimeError(text)) == reason


def test_a_file_that_is_replaced_in_its_place_still_answers_as_it_was(litert_file: Path) -> None:
    program = f"""
from pathlib import Path
import numpy as np
from tlearn.artifacts.runtime import open_runtime
run = open_runtime(path := Path({str(litert_file)!r}))
image = np.full((32, 32, 3), 90, np.uint8)
before = run(image).probabilities
path.write_bytes(b"")
assert np.array_equal(run(image).probabilities, before)
"""
    subprocess.run([sys.executable, "-c", program], check=True)  # a bus error would end this one
