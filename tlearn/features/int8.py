"""Embeddings by the int8 form of a network.

The error of int8 lies in the embedding: a head can be checked on it, or solved on it, in seconds.
"""

from __future__ import annotations

import tempfile
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
    content = convert(network, quantization="int8", representative=calibration)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "embedding.tflite")
        path.write_bytes(content)
        batches = (pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH))
        return np.concatenate(list(LiteRTEngine(path).run(batches)))
