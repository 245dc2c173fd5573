"""What good images are like, learned again from what the network computes in int8.

Distances are measured in the spread of good images along each axis. Along most axes that is so
little that the rounding of int8 exceeds it: by what the float network was taught, every image that
it has not seen would be unusual.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np

from tlearn.confidence.normality import fit_normality
from tlearn.features.int8 import int8_outputs
from tlearn.models.one_class import judged_layers, normality_features, normality_weights


@contextmanager
def relearn_for_int8(model: keras.Model, calibration: np.ndarray) -> Iterator[keras.Model]:
    """Yield the model, taught by its int8 form; afterwards it is as it was.

    Args:
        model: float32, from `build_one_class`.
        calibration: uint8 (n, H, W, 3), good images: the file will be calibrated on them, and
            they are learned from.
    """
    network = normality_features(model)
    rows = int8_outputs(network, calibration, calibration, judged_layers(model))
    shapes = [output.shape[1:] for output in network.outputs]
    columns = np.split(rows, np.cumsum([np.prod(shape) for shape in shapes])[:-1], axis=1)
    *features, patches = (
        part.reshape(-1, *shape) for part, shape in zip(columns, shapes, strict=True)
    )
    learned = normality_weights(fit_normality(features, patches))
    before = {name: model.get_layer(name).get_weights() for name in learned}
    _set(model, learned)
    try:
        yield model
    finally:
        _set(model, before)


def _set(model: keras.Model, weights: dict[str, list[np.ndarray]]) -> None:
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
