"""A run's network by any of its roads: the same outputs, under the same names."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.finished_run import Train
from tlearn.confidence.answers import Answers
from tlearn.errors import BackboneError
from tlearn.runs import answering
from tlearn.runs.answering import answer, embed, open_network
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.cache import MODELS, cache_folder

WITHOUT_TENSORFLOW = "an answer that needs no TensorFlow"


@pytest.fixture
def no_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loading the saved model in Keras is an error."""

    def refuse(_: object) -> None:
        raise AssertionError(WITHOUT_TENSORFLOW)

    monkeypatch.setattr(TrainedRun, "load_model", refuse)


def by_keras(run: Path) -> tuple[TrainedRun, Any, Answers, np.ndarray]:
    """A run, its held-out images, and what Keras says of them: answers and embeddings."""
    import keras

    trained = TrainedRun.open(run)
    pixels = trained.read_split("test").pixels
    model = trained.load_model()
    embedding = keras.Model(model.inputs[0], model.get_layer("head").input)
    return (
        trained,
        pixels,
        trained.predict(model, pixels),
        embedding.predict_on_batch(pixels[:]),
    )


def check(run: TrainedRun, pixels: Any, expected: Answers, embeddings: np.ndarray) -> None:
    answers = answer(run, pixels)
    probabilities = answers.probabilities
    assert answers.known is not None and expected.known is not None
    assert answers.known.dtype == probabilities.dtype == np.float32
    assert answers.known.shape == (len(pixels),) and np.ptp(answers.known) > 0.01
    np.testing.assert_allclose(answers.known, expected.known, atol=1e-3)
    np.testing.assert_allclose(probabilities, expected.probabilities, atol=1e-4)
    np.testing.assert_array_equal(probabilities.argmax(1), expected.probabilities.argmax(1))
    np.testing.assert_allclose(embed(run, pixels), embeddings, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("stages", ["last", "2", "last3"])
def test_a_solved_head_answers_as_its_keras_model(
    train: Train, stages: str, request: pytest.FixtureRequest
) -> None:
    _, run = train(head_stages=stages)
    expected = by_keras(run.path)
    request.getfixturevalue("no_keras")
    check(*expected)
    assert not (cache_folder() / MODELS).exists()


def test_a_tuned_model_answers_as_its_keras_model(
    train: Train, image_folder: Callable[..., Path], request: pytest.FixtureRequest
) -> None:
    _, run = train(image_folder(per_class=50), policy="top_stages", epochs=1)
    expected = by_keras(run.path)
    request.getfixturevalue("no_keras")
    check(*expected)


def test_without_a_cache_the_model_is_converted_once(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    steps: list[str] = []
    expected = by_keras(finished_run)
    trained = TrainedRun.open(finished_run, progress=lambda step, *_: steps.append(step))
    check(trained, *expected[1:])
    assert steps.count("convert the model (once)") == 1
    request.getfixturevalue("no_keras")
    check(trained, *expected[1:])
    (stored,) = (cache_folder() / MODELS).glob("*/model.tflite")
    stored.write_bytes(b"damaged")
    with pytest.raises(AssertionError, match=WITHOUT_TENSORFLOW):
        answer(trained, expected[1])


def test_a_run_without_digests_is_answered_by_its_model_and_not_by_its_plan(
    linear_head_run: Path, finished_run: Path, converted: None
) -> None:
    """Nothing vouches that its model is what the plan led to."""
    import keras

    from tlearn.models.keras_file import save_model

    path = RunDirectory(finished_run).model_path
    model = keras.models.load_model(path, compile=False)
    first = model.layers[2]
    first.set_weights([weights * 0.5 for weights in first.get_weights()])
    save_model(model, path)
    (finished_run / "sha256.json").unlink()
    check(*by_keras(finished_run))


def test_a_model_that_litert_cannot_hold_is_answered_by_keras(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []

    def refuse(*_: object, **__: object) -> bytes:
        tries.append(1)
        raise BackboneError("LiteRT has no operator for Foo", "choose another: --backbone NAME")

    monkeypatch.setattr("tlearn.backend.litert.convert", refuse)
    expected = by_keras(finished_run)
    for _ in range(2):
        check(*expected)
    assert len(tries) == 1


def test_a_conversion_that_answers_differently_is_not_used(
    finished_run: Path, tiny_backbone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tlearn.backend import litert

    convert: Callable[..., bytes] = litert.convert

    def convert_other(model: Any, **settings: Any) -> bytes:
        head = model.get_layer("head")
        weights = head.get_weights()
        head.set_weights([-values for values in weights])
        try:
            return convert(model, **settings)
        finally:
            head.set_weights(weights)

    monkeypatch.setattr(litert, "convert", convert_other)
    check(*by_keras(finished_run))


@pytest.mark.parametrize(
    ("requested", "n_images", "accelerator", "in_keras"),
    [
        ("auto", 1, True, False),
        ("auto", 100_000, True, True),
        ("auto", 100_000, False, False),
        ("litert", 100_000, True, False),
        ("keras", 1, False, True),
    ],
)
def test_keras_answers_where_an_accelerator_is_worth_it(
    finished_run: Path,
    converted: None,
    monkeypatch: pytest.MonkeyPatch,
    requested: str,
    n_images: int,
    accelerator: bool,
    in_keras: bool,
) -> None:
    monkeypatch.setenv("TLEARN_ENGINE", requested)
    monkeypatch.setattr(answering, "accelerator_visible", lambda: accelerator)
    network = open_network(TrainedRun.open(finished_run), n_images)
    assert (type(network.engine).__name__ == "KerasEngine") is in_keras


def test_keras_gives_the_same_outputs(
    finished_run: Path, converted: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TLEARN_ENGINE", "keras")
    check(*by_keras(finished_run))


@pytest.mark.parametrize("engine", ["keras", "litert"])
def test_a_model_of_before_says_nothing_of_what_it_knows(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch, engine: str
) -> None:
    """Runs of earlier versions have no output `known`."""
    import keras

    from tlearn.models.keras_file import save_model

    trained, pixels, expected, _ = by_keras(finished_run)
    model = trained.load_model()
    save_model(keras.Model(model.inputs[0], model.outputs[0]), trained.directory.model_path)
    monkeypatch.setenv("TLEARN_ENGINE", engine)
    answers = answer(trained, pixels)
    assert answers.known is None
    assert trained.predict(trained.load_model(), pixels).known is None
    np.testing.assert_allclose(answers.probabilities, expected.probabilities, atol=1e-4)


def test_nothing_is_converted_for_a_cache_that_is_not_kept(
    linear_head_run: Path, tmp_path: Path, trained: Any
) -> None:
    run = TrainedRun.open(linear_head_run / "run")
    path = shutil.copy(run.directory.model_path, tmp_path / "model.keras")
    answering.keep_converted(tmp_path / "temporary", Path(path), run.plan, trained.model)
    assert not (tmp_path / "temporary").exists()
