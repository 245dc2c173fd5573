"""A classifier small enough to train in a test, and the images that it knows."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from PIL import Image

from tlearn.artifacts.contract import Preprocessing
from tlearn.confidence.answers import Answer, Answers, logits_of
from tlearn.confidence.novelty import fit_novelty, fit_subspace, margins
from tlearn.export.inputs import ExportInputs, GoldenImage
from tlearn.runs.run_images import SplitImages

LABELS = ("horizontal", "vertical", "checks")
SIZE = 32


class TrainedModel(NamedTuple):
    model: Any
    pixels: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    train_pixels: np.ndarray
    train_labels: np.ndarray
    known: np.ndarray | None = None

    def inputs(self, pixels: np.ndarray | None = None, int8_note: str = "") -> ExportInputs:
        """The same as an export takes it."""
        check = SplitImages(
            pixels=self.pixels if pixels is None else pixels,
            labels=self.labels,
            names=tuple(f"{n}.png" for n in range(len(self.labels))),
            source="val",
        )
        return ExportInputs(
            model=self.model,
            class_names=LABELS,
            check=check,
            expected=Answers(self.probabilities, self.known),
            preprocessing=Preprocessing.of(SIZE, "squash"),
            metadata={"name": "drawn", "image_size": SIZE},
            calibration=self.train_pixels[:60],
            golden=golden_images(self),
            provenance={"model": "1"},
            int8_note=int8_note,
            max_drop=0.05,
        )


def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Stripes, columns and checks of random width, position and color on noise."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % len(LABELS)
    pixels = rng.integers(60, 196, (count, SIZE, SIZE, 3))
    for image, label in zip(pixels, labels, strict=True):
        width, shift = rng.integers(3, 6), rng.integers(0, 6)
        y, x = (np.indices((SIZE, SIZE)) + shift) // width % 2
        mask = ((y, x, y ^ x)[label] == 1)[..., np.newaxis]
        image += mask * rng.choice([-70, -50, 50, 70], 3)
    return np.clip(pixels, 0, 255).astype(np.uint8), labels


def build(classes: int = len(LABELS), size: int = SIZE) -> Any:
    import keras
    from keras import layers

    from tlearn.models.classifier import build_classifier

    image = keras.Input((size, size, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    for filters in (16, 32):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization(momentum=0.8)(x))
        x = layers.MaxPooling2D()(x)
    return build_classifier(keras.Model(image, x), classes, dropout=0.1)


def _train(folder: Path) -> None:
    import keras

    keras.utils.set_random_seed(0)
    pixels, labels = draw(240, seed=1)
    model = build()
    model.compile(keras.optimizers.Adam(0.005), "sparse_categorical_crossentropy")
    model.fit(pixels.astype("float32"), labels, batch_size=24, epochs=16, verbose=0)
    model.save(folder / "trained.keras")


@pytest.fixture(scope="session")
def trained(once: Callable[[str, Callable[[Path], object]], Path]) -> TrainedModel:
    """The classifier, what it was trained on, and what it says of 90 other images."""
    path = once("trained-model", _train) / "trained.keras"
    import keras

    model = keras.models.load_model(path, compile=False)
    pixels, labels = draw(90, seed=2)
    probabilities = model.predict(pixels.astype("float32"), verbose=0)
    assert np.mean(probabilities.argmax(1) == labels) > 0.9, "the drawn images are not learned"
    return TrainedModel(model, pixels, labels, probabilities, *draw(240, seed=1))


@pytest.fixture(scope="session")
def knowing(
    trained: TrainedModel, once: Callable[[str, Callable[[Path], object]], Path]
) -> TrainedModel:
    """The same classifier with a second output, `known`, that tells the drawn images from noise."""
    import keras

    from tlearn.features.head import centered
    from tlearn.models.classifier import set_head
    from tlearn.models.known import known_embedding, set_known, with_known

    path = once("trained-model", _train) / "trained.keras"
    plain = keras.models.load_model(path, compile=False)
    set_head(plain, *map(centered, plain.get_layer("head").get_weights()))
    model = with_known(plain, [plain.get_layer("embedding").input], n_axes=2)
    pixels = trained.train_pixels.astype("float32")
    embeddings = known_embedding(model).predict(pixels, verbose=0)
    subspace = fit_subspace(embeddings, [embeddings.shape[1]], 2)
    logits = np.log(np.maximum(plain.predict(pixels, verbose=0), 1e-9))
    residuals = subspace.residuals(embeddings)
    set_known(model, fit_novelty(subspace, margins(logits), residuals, "train"))
    probabilities, known = model.predict(trained.pixels.astype("float32"), verbose=0)
    return trained._replace(model=model, probabilities=probabilities, known=known[:, 0])


@pytest.fixture(scope="session")
def inputs(trained: TrainedModel) -> ExportInputs:
    """The classifier as `tlearn export` has it in hand, with one golden image of each class."""
    return trained.inputs()


def golden_images(trained: TrainedModel) -> list[GoldenImage]:
    """One image of each class that the model answers rightly."""
    right = trained.probabilities.argmax(1) == trained.labels
    golden = []
    for label, name in enumerate(LABELS):
        row = np.flatnonzero(right & (trained.labels == label))[0]
        file = io.BytesIO()
        Image.fromarray(trained.pixels[row]).save(file, "PNG")
        golden.append(
            GoldenImage(
                file.getvalue(),
                ".png",
                name,
                trained.pixels[row],
                Answer(
                    trained.probabilities[row],
                    None if trained.known is None else float(trained.known[row]),
                ),
            )
        )
    return golden


def _with_known(trained: TrainedModel) -> Any:
    """The classifier, its answers as they were, with the output `known`."""
    import keras

    from tlearn.features.head import centered
    from tlearn.models.classifier import HEAD, set_head
    from tlearn.models.known import known_embedding, pooled_widths, set_known, with_known

    classifier = build()
    classifier.set_weights(trained.model.get_weights())
    set_head(classifier, *map(centered, trained.model.get_layer(HEAD).get_weights()))
    maps = [layer.output for layer in classifier.layers if isinstance(layer, keras.layers.ReLU)]
    model = with_known(classifier, maps, n_axes=3)
    embedding, own = known_embedding(model), draw(90, seed=7)[0].astype("float32")
    features = embedding.predict_on_batch(trained.train_pixels.astype("float32"))
    subspace = fit_subspace(features, pooled_widths(model), 3)
    margin = margins(logits_of(classifier.predict_on_batch(own)))
    residual = subspace.residuals(embedding.predict_on_batch(own))
    set_known(model, fit_novelty(subspace, margin, residual, "val"))
    return model


@pytest.fixture(scope="session")
def known_inputs(trained: TrainedModel) -> ExportInputs:
    """A model with the output `known` as an export takes it."""
    model, pixels = _with_known(trained), trained.pixels
    probabilities, known = model.predict_on_batch(pixels.astype("float32"))
    expected = Answers(probabilities, known[:, 0])
    assert np.median(known) > 0.3
    inputs, golden = trained.inputs(pixels), []
    for image in inputs.golden:
        row = np.flatnonzero((pixels == image.pixels).all((1, 2, 3)))[0]
        golden.append(replace(image, answer=[*expected][row]))
    return replace(inputs, model=model, expected=expected, golden=golden)
