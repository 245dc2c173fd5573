"""A classifier small enough to train in a test, and the images that it knows."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest
from PIL import Image

from tlearn.artifacts.contract import Preprocessing
from tlearn.confidence.answers import Answer, Answers
from tlearn.export.inputs import ExportInputs, GoldenImage
from tlearn.runs.trained_run import SplitImages

LABELS = ("horizontal", "vertical", "checks")
SIZE = 32


class TrainedModel(NamedTuple):
    model: Any
    pixels: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    train_pixels: np.ndarray
    train_labels: np.ndarray

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
            expected=Answers(self.probabilities),
            preprocessing=Preprocessing.of(SIZE, "squash"),
            metadata={"name": "drawn", "image_size": SIZE},
            calibration=self.train_pixels[:60],
            golden=golden_images(self),
            provenance={"model": "1"},
            int8_note=int8_note,
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
                Answer(trained.probabilities[row]),
            )
        )
    return golden
