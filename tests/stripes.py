"""Stripes that are good, with a scratch that is not, and a network of one class for them."""

from __future__ import annotations

import keras
import numpy as np

from tlearn.confidence.normality import Normality, fit_normality
from tlearn.models.one_class import build_one_class, normality_features

SIDE, PLACES = 64, 8


def textures(n: int, seed: int, period: float = 7) -> np.ndarray:
    """Draw stripes with noise, each image a little different: (n, side, side, 3)."""
    rng = np.random.default_rng(seed)
    right, down = np.mgrid[:SIDE, :SIDE]
    turns, shifts = rng.uniform(0.4, 0.6, (n, 1, 1)), rng.uniform(0, 6, (n, 1, 1))
    waves = np.sin(2 * np.pi / period * (right + turns * down) + shifts)
    pixels = 128 + 50 * waves[..., np.newaxis] + rng.normal(0, 8, (n, SIDE, SIDE, 3))
    return pixels.clip(0, 255).astype(np.float32)


def scratched(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Draw a short scratch across the stripes; return the images and the scratches' middles."""
    middles = np.random.default_rng(5).integers(14, SIDE - 14, (len(images), 2))
    drawn = images.copy()
    for image, (y, x) in zip(drawn, middles.tolist(), strict=True):
        image[y - 8 : y + 8, x - 1 : x + 2] = 250
    return drawn, middles


def network() -> keras.Model:
    keras.utils.set_random_seed(0)
    image = keras.Input((SIDE, SIDE, 3), name="image")
    x, maps = keras.layers.Rescaling(1 / 127.5, offset=-1)(image), []
    for channels in (12, 16, 24):
        x = keras.layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
        maps.append(x)
    return build_one_class(keras.Model(image, x), maps[1:], maps[2])


def learn(model: keras.Model, images: np.ndarray) -> Normality:
    *features, patches = normality_features(model).predict_on_batch(images)
    return fit_normality(features, patches)
