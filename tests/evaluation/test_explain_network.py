"""What a network computes: kernels, maps of stages, receptive fields."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tests.trained_model import TrainedModel
from tlearn.evaluation.explain_network import first_kernels, receptive_fields, stage_views


def fields_of(network: Any) -> int:
    return receptive_fields(network)[id(network.outputs[0])]


def test_a_receptive_field_is_what_a_change_of_pixels_shows() -> None:
    """Pixels that change the middle of the output are those of the field, and no others."""
    image = keras.Input((64, 64, 1))
    x = keras.layers.Conv2D(2, 3, strides=2, padding="same")(image)
    skip = x
    x = keras.layers.DepthwiseConv2D(5, padding="same")(x)
    x = keras.layers.Add()([x, skip])
    x = keras.layers.MaxPooling2D(2)(x)
    x = keras.layers.Conv2D(1, 3, dilation_rate=2, padding="same")(x)
    network = keras.Model(image, x)
    for layer in network.layers:
        layer.set_weights([np.ones_like(weight) for weight in layer.get_weights()])
    lit = np.zeros((64, 64, 64, 1), np.float32)
    lit[np.arange(64), :, np.arange(64)] = 1  # one column of each image
    middle = network.predict_on_batch(lit)[:, 8, 8, 0]
    reached = np.flatnonzero(middle != network.predict_on_batch(0 * lit[:1])[0, 8, 8, 0])
    assert fields_of(network) == reached[-1] - reached[0] + 1


def test_a_gate_over_the_whole_map_sees_no_place() -> None:
    image = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(4, 3, padding="same")(image)
    gate = keras.layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = keras.layers.Conv2D(4, 1, activation="sigmoid")(gate)
    assert fields_of(keras.Model(image, keras.layers.Multiply()([x, gate]))) == 3


def test_mobilenet_sees_what_is_known_of_it() -> None:
    network = keras.applications.MobileNetV2((224, 224, 3), include_top=False, weights=None)
    assert fields_of(network) == 491  # Araujo et al. 2019, Computing Receptive Fields


def test_every_stage_has_maps_and_a_field(trained: TrainedModel) -> None:
    views = stage_views(trained.model, trained.pixels[0])
    assert [view.size for view in views] == sorted((view.size for view in views), reverse=True)
    for view in views:
        assert view.maps.dtype == np.uint8
        assert view.maps.shape == (len(view.shown), view.size, view.size)
        assert view.sees
    assert views[0].sees < views[-1].sees  # type: ignore[operator]


def test_first_kernels_are_those_that_read_the_image(trained: TrainedModel) -> None:
    kernels = first_kernels(trained.model)
    assert kernels is not None and kernels.shape == (16, 3, 3, 3)
    reached = kernels.astype(int).max(axis=(1, 2, 3)) - kernels.astype(int).min(axis=(1, 2, 3))
    assert (reached > 100).all()  # each on its own scale


def test_a_network_without_a_convolution_of_colors_has_no_first_kernels() -> None:
    image = keras.Input((16, 16, 3))
    flat = keras.Model(image, keras.layers.Dense(2)(keras.layers.Flatten()(image)))
    assert first_kernels(flat) is None
