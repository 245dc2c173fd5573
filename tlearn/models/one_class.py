"""A network that tells bad images from good ones, and shows where, in plain layers.

See `confidence.normality` for what `anomaly` and `map` mean. Every format can hold the layers:
products with constants, sums, means and maxima.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras
import numpy as np

from tlearn.confidence.answers import ANOMALY, MAP
from tlearn.confidence.normality import (
    LEAST,
    MOST,
    MOST_AXES,
    WINDOW,
    Gaussian,
    Normality,
    steepness,
)
from tlearn.models.backbone import Backbone, head_inputs
from tlearn.models.known import leveled
from tlearn.models.known_weights import known_stages

MAP_UNIT = "map_unit"

_PLACES = 20
"""Side of the map whose places are looked at, at least: a defect of a twentieth fills a place. Maps
of 28 places were better than those of 56 on steel, and those of 32 than of 16 on most others."""

_FLOOR, _EPSILON = 1e-3, 1e-12
"""Mean square of features below which a place has no content to be leveled."""


def one_class_maps(
    backbone: Backbone,
) -> tuple[list[keras.KerasTensor], keras.KerasTensor]:
    """Return the maps whose means are the whole, of the last stages, and the one of the places.

    That is the last one fine enough for a small defect to fill a place; the last stages see things.
    """
    maps = head_inputs(backbone, range(1, len(backbone.stages) + 1))
    fine = [map for map in maps if map.shape[1] >= _PLACES]
    return [maps[n - 1] for n in known_stages([len(maps)])], fine[-1] if fine else maps[0]


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
    distances = [_whole_distance(map, f"_{n}") for n, map in enumerate(whole)]
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


def judged_layers(model: keras.Model) -> list[str]:
    """Return the names of the backbone's layers; none of a model of another kind."""
    if model.output_names[0] != ANOMALY:
        return []
    judging = ("place_", "whole_", "evidence", ANOMALY, MAP)
    return [layer.name for layer in model.layers if not layer.name.startswith(judging)]


def set_normality(model: keras.Model, normality: Normality) -> None:
    """Set the weights that make the network answer as a record does."""
    for name, weights in normality_weights(normality).items():
        model.get_layer(name).set_weights(weights)


def normality_weights(normality: Normality) -> dict[str, list[np.ndarray]]:
    """Return the weights of the layers by their names."""
    *units, of_place, of_all = normality.units
    weights = _distance_weights(normality.patches, "place")
    for n, gaussian in enumerate(normality.gaussians):
        weights |= _distance_weights(gaussian, "whole", f"_{n}")
    share = 1 / len(units)
    offset = -LEAST - share * sum(unit.middle / unit.spread for unit in units)
    return weights | {
        "whole_unit": [
            _column([share / unit.spread for unit in units]),
            np.array([offset]),
        ],
        "place_unit": _line(of_place.spread, of_place.middle + LEAST * of_place.spread),
        ANOMALY: _line(of_all.spread / steepness(), of_all.middle - LEAST),
        MAP_UNIT: _line(1 / steepness(), -LEAST),
    }


def _distance_weights(
    gaussian: Gaussian, prefix: str, suffix: str = ""
) -> dict[str, list[np.ndarray]]:
    width = len(gaussian.mean)
    return {
        f"{prefix}_center{suffix}": [gaussian.mean, np.full(width, gaussian.rest - _EPSILON)],
        f"{prefix}_along{suffix}": [gaussian.axes],
        f"{prefix}_back{suffix}": [gaussian.axes.T],
    }


def _column(values: Sequence[float]) -> np.ndarray:
    return np.array(values, np.float32)[:, np.newaxis]


def _line(spread: float, middle: float) -> list[np.ndarray]:
    """Return the weights of (x - middle) / spread."""
    return [np.array([[1 / spread]]), np.array([-middle / spread])]


def _whole_distance(map: keras.KerasTensor, suffix: str) -> keras.KerasTensor:
    """Return a stage's distance (batch, 1)."""
    pooled = keras.layers.GlobalAveragePooling2D(name=f"whole_pooled{suffix}")(map)
    return _distance(leveled(pooled, suffix, "whole"), "whole", suffix)


def _place_distance(map: keras.KerasTensor) -> keras.KerasTensor:
    """Return the mean distance of each place and its neighbors (batch, h, w, 1)."""
    mean = partial(keras.layers.AveragePooling2D, WINDOW, strides=1, padding="same")
    level = leveled(mean(name="place_around")(map), "", "place", _FLOOR)
    return mean(name="place_mean")(_distance(level, "place"))


def _distance(level: keras.KerasTensor, prefix: str, suffix: str = "") -> keras.KerasTensor:
    """Return what `Gaussian.distances` does: (..., d) to (..., 1)."""
    layers = keras.layers
    center = layers.BatchNormalization(
        center=False,
        scale=False,
        epsilon=_EPSILON,
        trainable=False,
        name=f"{prefix}_center{suffix}",
    )
    z = center(level)
    along = _linear(MOST_AXES, f"{prefix}_along{suffix}")(z)
    back = _linear(level.shape[-1], f"{prefix}_back{suffix}")(along)
    rest = layers.Subtract(name=f"{prefix}_rest{suffix}")([z, back])
    squares = layers.Multiply(name=f"{prefix}_squares{suffix}")([rest, rest])
    distance = keras.ops.sqrt(_linear(1, f"{prefix}_total{suffix}", initial="ones")(squares))
    # Keras counts such names on.
    distance._keras_history.operation.name = f"{prefix}_distance{suffix}"
    return distance


def _linear(
    width: int, name: str, bias: bool = False, initial: str = "zeros"
) -> keras.layers.Layer:
    return keras.layers.Dense(width, use_bias=bias, kernel_initializer=initial, name=name)


def _unit(distances: keras.KerasTensor, name: str) -> keras.KerasTensor:
    """Return `Unit.of` distances less LEAST, within 0 and MOST - LEAST."""
    unit = _linear(1, name, bias=True)(distances)
    return keras.layers.ReLU(MOST - LEAST, name=f"{name}_kept")(unit)
