"""Cuts and stages on small networks drawn for one rule each; test_garden.py has the real ones."""

from __future__ import annotations

import keras
import pytest
from keras import layers

from tlearn.errors import BackboneError
from tlearn.models.stages import find_cuts, find_stages, last_feature_map, split_at


def network(*steps: keras.layers.Layer, size: int = 32) -> keras.Model:
    given = keras.Input((size, size, 3), name="image")
    x = given
    for step in steps:
        x = step(x)
    return keras.Model(given, x)


def names(trunk: keras.Model) -> list[str]:
    return [tensor._keras_history.operation.name for tensor in find_cuts(trunk)]


def ends(trunk: keras.Model) -> list[str]:
    cuts = names(trunk)
    return [cuts[stage.end_cut] for stage in find_stages(trunk)]


def test_no_cut_lies_inside_a_residual_block() -> None:
    given = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 1, name="before")(given)
    y = layers.Conv2D(4, 1, name="inside_1")(x)
    y = layers.Conv2D(4, 1, name="inside_2")(y)
    x = layers.Add(name="add")([x, y])
    trunk = keras.Model(given, layers.ReLU(name="after")(x))
    assert names(trunk) == ["before", "add", "after"]


def test_an_input_that_is_read_again_leaves_no_cut_before_it() -> None:
    given = keras.Input((8, 8, 4))
    x = layers.Conv2D(4, 1, name="first")(given)
    x = layers.Conv2D(4, 1, name="second")(x)
    trunk = keras.Model(given, layers.Concatenate(name="joined")([given, x]))
    assert names(trunk) == ["joined"]


def test_a_stage_ends_before_padding_and_downsampling() -> None:
    trunk = network(
        layers.Conv2D(4, 3, padding="same", strides=2, name="a"),
        layers.ReLU(name="a_relu"),
        layers.ZeroPadding2D(1, name="pad"),
        layers.Conv2D(8, 3, strides=2, name="b"),
    )
    assert ends(trunk) == ["a_relu", "b"]


def test_unpadded_convolutions_stay_in_their_stage() -> None:
    trunk = network(
        layers.Conv2D(4, 3, strides=2, name="a"),
        layers.Conv2D(4, 3, name="b"),
        layers.Conv2D(4, 3, strides=2, name="c"),
    )
    assert ends(trunk) == ["b", "c"]


@pytest.mark.parametrize(("channels", "end"), [(24, "narrow"), (17, "narrow"), (16, "wide_relu")])
def test_expansion_before_downsampling_belongs_to_the_next_stage(channels: int, end: str) -> None:
    trunk = network(
        layers.Conv2D(8, 3, strides=2, padding="same", name="narrow"),
        layers.Conv2D(channels, 1, name="wide"),
        layers.ReLU(name="wide_relu"),
        layers.DepthwiseConv2D(3, strides=2, padding="same", name="down"),
        layers.Conv2D(16, 1, name="project"),
    )
    assert ends(trunk) == [end, "project"]
    # A head reads the expansion in either case: it has this size and says more.
    reads = [names(trunk)[stage.head_cut] for stage in find_stages(trunk)]
    assert reads == ["wide_relu", "project"]
    first = find_stages(trunk)[0]
    assert first.width == channels
    assert first.params_after_cut == (9 * channels if end == "narrow" else 0)


def test_parts_without_weights_join_their_neighbours() -> None:
    trunk = network(
        layers.Rescaling(1 / 255),
        layers.MaxPooling2D(),
        layers.Conv2D(4, 3, padding="same", name="a"),
        layers.MaxPooling2D(name="pool"),
        layers.Conv2D(8, 3, padding="same", name="b"),
        layers.MaxPooling2D(name="last_pool"),
    )
    stages = find_stages(trunk)
    assert ends(trunk) == ["a", "last_pool"]
    assert [(stage.size, stage.layers) for stage in stages] == [(16, 1), (4, 1)]
    assert [stage.name for stage in stages] == ["stage 1", "stage 2"]
    assert [stage.parameters for stage in stages] == [112, 296]


def test_a_network_in_one_part_is_one_stage() -> None:
    trunk = network(
        layers.Conv2D(1, 1, strides=2), layers.Conv2D(400, 3, strides=2, name="nearly_all")
    )
    assert ends(trunk) == ["nearly_all"]


@pytest.mark.parametrize("cut", [-1, 2])
def test_a_cut_that_does_not_exist(cut: int) -> None:
    trunk = network(layers.Conv2D(4, 1), layers.ReLU())
    with pytest.raises(BackboneError, match=f"no cut {cut}"):
        split_at(trunk, cut)


def test_tail_of_the_last_cut_changes_nothing() -> None:
    trunk = network(layers.Conv2D(4, 1), layers.ReLU())
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
    given = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3, name="map")(given)
    for step in top:
        x = step(x)
    found = last_feature_map(keras.Model(given, x))
    assert found._keras_history.operation.name == "map"


def test_pooling_inside_a_squeeze_excite_unit_is_not_the_top() -> None:
    given = keras.Input((8, 8, 3))
    x = layers.Conv2D(4, 3)(given)
    gate = layers.Conv2D(4, 1)(layers.GlobalAveragePooling2D(keepdims=True)(x))
    x = layers.ReLU(name="map")(layers.Multiply()([x, gate]))
    assert last_feature_map(keras.Model(given, x))._keras_history.operation.name == "map"
