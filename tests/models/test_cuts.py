"""Cuts: small networks for one rule each."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from tests.models.keras_networks import chain, names_of_cuts
from tlearn.errors import BackboneError
from tlearn.models.cuts import last_feature_map, split_at


def test_no_cut_lies_inside_a_residual_block() -> None:
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 1, name="before")(image)
    y = layers.Conv2D(4, 1, name="inside_1")(x)
    y = layers.Conv2D(4, 1, name="inside_2")(y)
    x = layers.Add(name="add")([x, y])
    trunk = keras.Model(image, layers.ReLU(name="after")(x))
    assert names_of_cuts(trunk) == ["before", "add", "after"]


def test_an_input_that_is_read_again_leaves_no_cut_before_it() -> None:
    image = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 1, name="first")(image)
    x = layers.Conv2D(4, 1, name="second")(x)
    trunk = keras.Model(image, layers.Concatenate(name="joined")([image, x]))
    assert names_of_cuts(trunk) == ["joined"]


@pytest.mark.parametrize("cut", [-1, 2])
def test_a_cut_that_does_not_exist_is_refused(cut: int) -> None:
    trunk = chain(layers.Conv2D(4, 1), layers.ReLU())
    with pytest.raises(BackboneError, match=f"no cut {cut}"):
        split_at(trunk, cut)


def test_tail_of_the_last_cut_changes_nothing() -> None:
    trunk = chain(layers.Conv2D(4, 1), layers.ReLU())
    prefix, tail = split_at(trunk, 1)
    assert tail.weights == []
    assert tail.input_shape == tail.output_shape == prefix.output_shape


@pytest.mark.parametrize(
    "top",
    [
        [layers.GlobalAveragePooling2D(), layers.Dense(3)],
        [layers.GlobalAveragePooling2D(keepdims=True), layers.Conv2D(3, 1), layers.Flatten()],
        [layers.Flatten(), layers.Dense(5), layers.Dense(3)],
        [],
    ],
)
def test_last_feature_map_is_what_the_top_pools(top: list[keras.layers.Layer]) -> None:
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="map")(image)
    for step in top:
        x = step(x)
    feature_map = last_feature_map(keras.Model(image, x))
    assert feature_map._keras_history.operation.name == "map"


def test_pooling_inside_a_squeeze_excite_unit_is_not_the_top() -> None:
    image = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(image)
    gate = layers.Conv2D(4, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.ReLU(name="map")(layers.Multiply()([x, gate]))
    assert last_feature_map(keras.Model(image, x))._keras_history.operation.name == "map"
