"""Embeddings by the int8 form of a network.

The error of int8 lies in the embedding: a head can be checked on it, or solved on it, in seconds.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from tlearn.backend.litert import convert
from tlearn.data.pixel_store import PixelArray
from tlearn.features.engine import LiteRTEngine
from tlearn.models.classifier import HEAD

_BATCH = 32


def int8_embeddings(
    classifier: keras.Model, calibration: np.ndarray, pixels: PixelArray
) -> np.ndarray:
    """Compute embeddings of images by a temporary int8 form of a classifier.

    Args:
        classifier: From `build_classifier`.
        calibration: uint8 (n, H, W, 3), images from which the ranges of activations are taken.
        pixels: uint8 (m, H, W, 3), images whose embeddings are wanted.

    Returns:
        (m, embedding) float32.

    Raises:
        BackboneError: LiteRT lacks an operator of this network.
    """
    network = keras.Model(classifier.inputs[0], classifier.get_layer(HEAD).input, name="embedding")
    return int8_outputs(network, calibration, pixels)


def int8_outputs(
    network: keras.Model,
    calibration: np.ndarray,
    pixels: PixelArray,
    in_int8: Sequence[str] = (),
) -> np.ndarray:
    """Compute the outputs of a network by a temporary int8 form of it.

    Args:
        network: With one input.
        calibration: See `int8_embeddings`.
        pixels: Likewise.
        in_int8: Names of the layers that int8 holds for; nothing for all.

    Returns:
        (m, sum of widths) float32, outputs side by side.

    Raises:
        BackboneError: LiteRT lacks an operator of this network.
    """
    content = convert(network, quantization="int8", representative=calibration, in_int8=in_int8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "network.tflite")
        path.write_bytes(content)
        batches = (pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH))
        return np.concatenate(list(LiteRTEngine(path, network.output_names).run(batches)))
