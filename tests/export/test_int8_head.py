from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from tests.trained_model import SIZE, draw
from tlearn.data.targets import NUMBER, NumberScale
from tlearn.export.int8_head import refit_head_for_int8
from tlearn.features.head import centered
from tlearn.features.int8 import int8_embeddings
from tlearn.models.classifier import HEAD, build_classifier


@pytest.fixture(scope="module")
def coarse() -> keras.Model:
    """A classifier that int8 hurts: a few loud channels leave the quiet ones few steps."""
    keras.utils.set_random_seed(3)
    image = keras.Input((SIZE, SIZE, 3), name="image")
    x = layers.Rescaling(1 / 127.5, offset=-1)(image)
    for filters in (12, 24):
        x = layers.Conv2D(filters, 3, strides=2, activation="relu")(x)
    loud = layers.Conv2D(24, 1, activation="relu", name="loud")
    trunk = keras.Model(image, loud(x))
    kernel, bias = loud.get_weights()
    loud.set_weights([kernel * np.r_[np.full(4, 200.0), np.ones(20)], bias])
    model = build_classifier(trunk, 5)
    head, offset = model.get_layer(HEAD).get_weights()
    silence_output = np.r_[np.full(4, 0.02), np.full(20, 8.0)][:, None]
    model.get_layer(HEAD).set_weights([head * silence_output, offset])
    return model


def error(
    model: keras.Model, wanted: np.ndarray, calibration: np.ndarray, pixels: np.ndarray
) -> float:
    """Mean square of what int8 does to logits, with the head that the model has now."""
    kernel, bias = model.get_layer(HEAD).get_weights()
    quantized = int8_embeddings(model, calibration, pixels) @ kernel + bias
    return float(np.square(wanted - quantized).mean())


def test_a_head_refitted_for_int8_is_nearer_to_the_model_on_other_images(
    coarse: keras.Model,
) -> None:
    (pixels, _), (others, _) = draw(120, seed=5), draw(60, seed=6)
    own = coarse.get_layer(HEAD).get_weights()
    network = keras.Model(coarse.inputs[0], coarse.get_layer(HEAD).input)
    wanted = network.predict_on_batch(others.astype("float32")) @ own[0] + own[1]
    before = error(coarse, wanted, pixels, others)
    with refit_head_for_int8(coarse, pixels):
        after = error(coarse, wanted, pixels, others)
    assert after < 0.5 * before
    for now, then in zip(coarse.get_layer(HEAD).get_weights(), own, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_number_whose_unit_is_restored_after_the_head_is_refitted_too() -> None:
    image = keras.Input((SIZE, SIZE, 3), name="image")
    trunk = keras.Model(image, layers.Conv2D(8, 3, strides=4, activation="relu")(image))
    scale = NumberScale(mean=30.0, sd=4.0)
    model = build_classifier(trunk, 1, task=NUMBER, scale=scale)
    before = [np.array(weight) for weight in model.weights]
    with refit_head_for_int8(model, draw(24, seed=5)[0]) as refitted:
        assert np.isfinite(refitted.get_layer(HEAD).get_weights()[0]).all()
    for now, then in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_where_int8_leaves_nothing_the_head_is_still_solved(coarse: keras.Model) -> None:
    own = coarse.get_layer(HEAD).get_weights()
    gray = np.full((8, SIZE, SIZE, 3), 128, np.uint8)  # every image gives the same embedding
    with refit_head_for_int8(coarse, gray):
        kernel, bias = coarse.get_layer(HEAD).get_weights()
    np.testing.assert_allclose(kernel, centered(own[0]), atol=1e-3)
    assert np.isfinite(bias).all()
