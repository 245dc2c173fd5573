"""Embeddings in int8 are those of the network, up to the error of int8."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from tests.trained_model import draw
from tlearn.features.int8 import int8_embeddings
from tlearn.models.classifier import build_classifier


def test_int8_embeddings_correlate_with_those_in_float(small_backbone: Any) -> None:
    classifier = build_classifier(small_backbone.trunk, 3)
    pixels, _ = draw(40, seed=0)
    quantized = int8_embeddings(classifier, pixels[:30], pixels)
    network = keras.Model(classifier.inputs[0], classifier.get_layer("embedding").output)
    exact = network.predict(pixels.astype(np.float32), verbose=0)
    assert quantized.shape == exact.shape == (40, 256)
    assert quantized.dtype == np.float32
    correlation = np.corrcoef(quantized.ravel(), exact.ravel())[0, 1]
    assert 0.7 < correlation < 1
