"""Small problems with known answers: a classification with plans for it, and a teacher."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tlearn.data.augmentation import augmentation
from tlearn.data.image_folder import list_images
from tlearn.data.pixel_store import store_pixels
from tlearn.features.extractor import StageInfo
from tlearn.features.store import FeatureStore, Views
from tlearn.recipe.loading import load_recipe
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.training.batches import Examples, one_hot
from tlearn.training.teacher_dataset import TeacherDataset

WIDTH = 8
STAGE = StageInfo("stage 1", 0, 4, WIDTH, parameters=100, params_after_cut=0)


@pytest.fixture
def plan_for() -> Callable[..., Plan]:
    """Make a plan: `plan_for(n_train, n_val, **recipe_keys)`, for two classes and one stage."""

    def make(n_train: int, n_val: int, **keys: Any) -> Plan:
        data = SplitCounts(("a", "b"), n_train, n_val, 0)
        defaults = {"policy": "deep", "augmentation": "none"}
        resolved = load_recipe(None, defaults | keys)
        return make_plan(resolved, data, BackboneInfo("toy", 32, "f00d"), [STAGE])

    return make


@pytest.fixture
def examples() -> Callable[..., Examples]:
    """Make features of two classes far apart: `examples(n, seed=0, flipped=False)`.

    Where they are flipped, every label is wrong.
    """

    def make(n: int, seed: int = 0, flipped: bool = False) -> Examples:
        labels = np.arange(n) % 2
        noise = np.random.default_rng(seed).normal(0, 0.3, (n, WIDTH))
        features = (2.0 * labels[:, None] - 1 + noise).astype(np.float32)

        def read(keys: Sequence[str]) -> np.ndarray:
            return features[[int(key) for key in keys]]

        return Examples(read, [[str(row)] for row in range(n)], one_hot(labels ^ flipped, 2))

    return make


@pytest.fixture
def classifier() -> Callable[..., keras.Model]:
    """Make a linear classifier of these features: `classifier(scale)`.

    A positive scale answers right, the surer the larger it is; 0 guesses.
    """

    def make(scale: float) -> keras.Model:
        inputs = keras.Input((WIDTH,))
        model = keras.Model(inputs, keras.layers.Dense(2, "softmax", name="head")(inputs))
        kernel = np.tile([-scale, scale], (WIDTH, 1))
        model.get_layer("head").set_weights([kernel, np.zeros(2)])
        return model

    return make


class MeanColor:
    """A teacher whose embedding is the mean color, with two classes: more red, or not."""

    def run(self, batches: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for pixels in batches:
            color = pixels.mean(axis=(1, 2)) / 255
            red = color[:, 0] > color[:, 1:].max(axis=1)
            yield np.hstack([color, np.eye(2)[red.astype(int)]]).astype(np.float32)


@pytest.fixture
def teacher_dataset(image_folder: Callable[..., Path], tmp_path: Path) -> TeacherDataset:
    """Twelve images in two views, with the outputs of that teacher."""
    paths = list_images([image_folder(per_class=4)])
    cache = tmp_path / "cache"
    pixels = store_pixels(paths, 32, "squash", cache)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    views = Views(2, augmentation("light"), seed=0)
    store = FeatureStore(cache, "teacher", "squash", (3 + 2,), "float16")
    store.fill(pixels, digests, lambda sample: MeanColor(), views)
    return TeacherDataset(digests, pixels, views, store, width=3)
