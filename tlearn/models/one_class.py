"""A network that tells bad images from good ones, and shows where, in plain layers.

See `confidence.normality` for what `anomaly` and `map` mean and `confidence.patch_memory` for the
places. Every format can hold the layers: products with constants, sums, means and maxima.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np

from tlearn.confidence.answers import ANOMALY, MAP
from tlearn.confidence.normality import LEAST, MOST, MOST_AXES, WINDOW, Normality, steepness
from tlearn.confidence.patch_memory import MOST_AXES as MOST_PATCH_AXES
from tlearn.confidence.patch_memory import MOST_KEPT
from tlearn.models.backbone import Backbone, head_inputs
from tlearn.models.known import leveled
from tlearn.models.known_weights import known_stages

MAP_UNIT = "map_unit"

_PLACES = 8
"""Pixels between the places that are looked at, in each direction."""

_UNPADDED = 0.75
"""Share of the places that is left where convolutions cut off the edges."""

_FLOOR, _EPSILON = 1e-3, 1e-12
"""Mean square of features below which a place has no content to be leveled."""


def one_class_maps(
    backbone: Backbone,
) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    """Return the maps whose means are the whole, of the last stages, and the one of the places.

    That is the last one fine enough for a small defect to fill a place; the last stages see things.
    """
    maps = head_inputs(backbone, range(1, len(backbone.stages) + 1))
    side = backbone.trunk.input.shape[1]
    fine = [map for map in maps if map.shape[1] * _PLACES >= side * _UNPADDED]
    return [maps[n - 1] for n in known_stages([len(maps)])], (fine or maps)[-1]


def build_one_class(
    trunk: keras.Model, whole: Sequence[keras.KerasTensor], places: keras.KerasTensor
) -> keras.Model:
    """Return the network: `image` -> `anomaly` (batch, 1) and `map` (batch, h, w).

    It answers .5 of every image until `set_normality`.

    Args:
        trunk: Its layers are shared.
        whole: Maps in it whose means are looked at.
        places: The map in it whose places are.
    """
    layers = keras.layers
    distances = [_whole_distance(map, n) for n, map in enumerate(whole)]
    stages = (
        layers.Concatenate(name="whole_distances")(distances) if len(whole) > 1 else distances[0]
    )
    of_whole = _unit(stages, "whole_unit")
    heat = _place_distance(places)
    of_place = _unit(heat, "place_unit")
    largest = layers.GlobalMaxPooling2D(name="place_largest")(of_place)
    larger = layers.Maximum(name="evidence_larger")([of_whole, largest])
    evidence = layers.Average(name="evidence")([of_whole, larger])
    sigmoid = partial(layers.Dense, 1, "sigmoid", kernel_initializer="zeros", dtype="float32")
    anomaly = sigmoid(name=ANOMALY)(evidence)
    heat = layers.Reshape(places.shape[1:3], name=MAP)(sigmoid(name=MAP_UNIT)(of_place))
    return keras.Model(trunk.inputs[0], [anomaly, heat], name="one_class")


def normality_features(model: keras.Model) -> keras.Model:
    """Return the network up to what `fit_normality` takes: features of each stage, and patches."""
    names = [layer.name for layer in model.layers if layer.name.startswith("whole_level_")]
    outputs = [model.get_layer(name).output for name in [*names, "place_level"]]
    return keras.Model(model.inputs[0], outputs)


def set_normality(model: keras.Model, normality: Normality) -> None:
    """Set the weights that make the network answer as a record does."""
    for name, weights in normality_weights(normality).items():
        model.get_layer(name).set_weights(weights)


def normality_weights(normality: Normality) -> dict[str, list[np.ndarray]]:
    """Return the weights of the layers by their names."""
    memory, (*units, of_place, of_all) = normality.memory, normality.units
    weights = {}
    for n, gaussian in enumerate(normality.gaussians):
        width = len(gaussian.mean)
        variance = np.full(width, gaussian.rest - _EPSILON)
        weights[f"whole_center_{n}"] = [gaussian.mean, variance]
        weights[f"whole_along_{n}"] = [gaussian.axes]
        weights[f"whole_total_{n}"] = [_column([1] * width + [-1] * MOST_AXES)]
    share = 1 / len(units)
    offset = -LEAST - share * sum(unit.middle / unit.spread for unit in units)
    kept = np.resize(memory.kept, (MOST_KEPT, memory.kept.shape[1]))  # repeats what it has
    return weights | {
        "whole_unit": [
            _column([share / unit.spread for unit in units]),
            np.array([offset]),
        ],
        "place_along": [memory.axes, -memory.mean @ memory.axes],
        "place_likeness": [kept.T, -np.square(kept).sum(axis=1) / 2],
        "place_total": [_column([1] * kept.shape[1] + [-2])],
        "place_unit": _line(of_place.spread, of_place.middle + LEAST * of_place.spread),
        ANOMALY: _line(of_all.spread / steepness(), of_all.middle - LEAST),
        MAP_UNIT: _line(1 / steepness(), -LEAST),
    }


def _column(values: Sequence[float]) -> np.ndarray:
    return np.array(values, np.float32)[:, np.newaxis]


def _line(spread: float, middle: float) -> list[np.ndarray]:
    """Return the weights of (x - middle) / spread."""
    return [np.array([[1 / spread]]), np.array([-middle / spread])]


def _whole_distance(map: keras.KerasTensor, number: int) -> keras.KerasTensor:
    """Return a stage's Mahalanobis distance (batch, 1), as `Gaussian.distances` does."""
    layers = keras.layers
    pooled = layers.GlobalAveragePooling2D(name=f"whole_pooled_{number}")(map)
    level = leveled(pooled, f"_{number}", "whole")
    center = layers.BatchNormalization(
        center=False, scale=False, epsilon=_EPSILON, trainable=False, name=f"whole_center_{number}"
    )
    z = center(level)
    along = _linear(MOST_AXES, f"whole_along_{number}")(z)
    both = layers.Concatenate(name=f"whole_both_{number}")([z, along])
    squares = layers.Multiply(name=f"whole_squares_{number}")([both, both])
    total = _linear(1, f"whole_total_{number}")(squares)
    return _root(total, f"whole_distance_{number}")


def _place_distance(map: keras.KerasTensor) -> keras.KerasTensor:
    """Return the distance of each place (batch, h, w, 1), as `Normality.score` does."""
    layers = keras.layers
    mean = partial(layers.AveragePooling2D, WINDOW, strides=1, padding="same")
    level = leveled(mean(name="place_around")(map), "", "place", _FLOOR)
    point = _linear(min(MOST_PATCH_AXES, map.shape[-1]), "place_along", bias=True)(level)
    likeness = _linear(MOST_KEPT, "place_likeness", bias=True)(point)
    likest = keras.ops.max(likeness, axis=-1, keepdims=True)
    likest._keras_history.operation.name = "place_likest"  # Keras counts such names on
    squares = layers.Multiply(name="place_squares")([point, point])
    both = layers.Concatenate(name="place_both")([squares, likest])
    return mean(name="place_mean")(_root(_linear(1, "place_total")(both), "place_distance"))


def _linear(width: int, name: str, bias: bool = False) -> keras.layers.Layer:
    return keras.layers.Dense(width, use_bias=bias, kernel_initializer="zeros", name=name)


def _unit(distances: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Return `Unit.of` distances less LEAST, within 0 and MOST - LEAST."""
    unit = _linear(1, name, bias=True)(distances)
    return keras.layers.ReLU(MOST - LEAST, name=f"{name}_kept")(unit)


def _root(squares: keras.KerasTensor, name: str) -> keras.KerasTensor:
    root = keras.ops.sqrt(keras.layers.ReLU(name=f"{name}_squared")(squares))
    root._keras_history.operation.name = name  # as above
    return root
