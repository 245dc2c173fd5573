"""Networks as Keras builds them, and how their outputs are compared with tlearn's."""

from __future__ import annotations

from pathlib import Path

import h5py
import keras
import numpy as np
from keras.src.legacy.saving import legacy_h5_format

from tlearn.models.catalog import BackboneSpec
from tlearn.models.cuts import find_cuts
from tlearn.models.weights import WeightsFile


def keras_network(spec: BackboneSpec, size: int, **arguments: object) -> keras.Model:
    """Build the network of `keras.applications`, which leaves scaling of pixels to its user."""
    builder = getattr(keras.applications, spec.builder)
    return builder(weights=None, input_shape=(size, size, 3), **spec.arguments, **arguments)


def save_legacy(network: keras.Model, path: Path) -> Path:
    """Save weights in the layout of Keras 2."""
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    return path


def chain(*steps: keras.layers.Layer, size: int = 32) -> keras.Model:
    """Return a network of layers one after another."""
    image = keras.Input((size, size, 3), name="image")
    x = image
    for step in steps:
        x = step(x)
    return keras.Model(image, x)


def names_of_cuts(trunk: keras.Model) -> list[str]:
    """Return the names of the layers whose outputs are cuts."""
    return [tensor._keras_history.operation.name for tensor in find_cuts(trunk)]


def weights_file(path: Path) -> WeightsFile:
    """Return a file of weights as `find_weights` returns one that was named."""
    return WeightsFile(path, "given", "0" * 64)


def outputs(network: keras.Model, images: np.ndarray) -> np.ndarray:
    """Run a network in inference mode."""
    return np.asarray(network(images, training=False))


def assert_close(actual: np.ndarray, expected: np.ndarray) -> None:
    """Check outputs that depend on their input, up to rounding."""
    assert np.std(expected) > 0
    np.testing.assert_allclose(actual, expected, rtol=2e-3, atol=2e-5 * np.abs(expected).max())
