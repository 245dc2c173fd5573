"""Pictures drawn for tests, and the real data and weights where this machine has them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest_plugins = ["tests.trained_model", "tests.written_run"]
SHARED = Path(os.environ.get("TLEARN_SHARED", Path(__file__).parents[2] / "shared"))
SHAPES = {
    "circle": (200, 60, 60),
    "square": (60, 190, 70),
    "stripes": (60, 70, 210),
    "cross": (210, 200, 60),
    "dots": (190, 60, 200),
}
"""Every shape has a colour of its own: a random network tells them apart, not perfectly."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache folder of its own and no weights folder by accident."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TLEARN_CACHE", str(cache))
    monkeypatch.delenv("TLEARN_WEIGHTS", raising=False)
    return cache


@pytest.fixture
def shared() -> Path:
    """The folder with real pictures and weights; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("real pictures and weights are not on this machine (TLEARN_SHARED)")
    return SHARED


def draw_image(shape: str, seed: int, size: int = 48) -> Image.Image:
    """One drawn picture: `shape` at a random place, in a shade of its colour, on noise."""
    rng = np.random.default_rng(seed)
    image = Image.fromarray(rng.integers(90, 166, (size, size, 3), dtype=np.uint8))
    pen = ImageDraw.Draw(image)
    color = tuple(int(v) for v in rng.normal(SHAPES[shape], 40).clip(0, 255))
    left, top = (int(v) for v in rng.integers(2, size // 4, 2))
    side = int(rng.integers(size // 2, size * 2 // 3))
    box = (left, top, left + side, top + side)
    if shape == "circle":
        pen.ellipse(box, fill=color)
    elif shape == "square":
        pen.rectangle(box, fill=color)
    elif shape == "stripes":
        for x in range(left, left + side, 6):
            pen.line((x, top, x, top + side), fill=color, width=3)
    elif shape == "cross":
        pen.line((left, top, left + side, top + side), fill=color, width=6)
        pen.line((left, top + side, left + side, top), fill=color, width=6)
    else:
        for x, y in rng.integers(4, size - 4, (12, 2)).tolist():
            pen.ellipse((x - 3, y - 3, x + 3, y + 3), fill=color)
    return image


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make an image folder: `image_folder(classes=3, per_class=8, size=48, splits=None)`."""

    def make(
        classes: int = 3,
        per_class: int = 8,
        size: int = 48,
        splits: tuple[str, ...] = ("",),
        name: str = "pictures",
    ) -> Path:
        root = tmp_path / name
        for number, split in enumerate(splits):
            for label, shape in enumerate(list(SHAPES)[:classes]):
                folder = root / split / shape
                folder.mkdir(parents=True, exist_ok=True)
                for index in range(per_class):
                    seed = 10_000 * number + 1_000 * label + index
                    draw_image(shape, seed, size).save(folder / f"{shape}_{index}.png")
        return root

    return make


@pytest.fixture(scope="session")
def small_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights of a small real backbone, MobileNet .25, with twelve source classes."""
    import keras

    keras.utils.set_random_seed(1)
    network = keras.applications.MobileNet((32, 32, 3), alpha=0.25, weights=None, classes=12)
    # One pass in training mode gives every normalization real statistics: features with a spread.
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    drawn = [draw_image(list(SHAPES)[n % 5], n, 32) for n in range(64)]
    network(np.stack(drawn).astype("float32") / 127.5 - 1, training=True)
    path = tmp_path_factory.mktemp("weights") / "small.weights.h5"
    network.save_weights(path)
    return path


@pytest.fixture(scope="session")
def small_backbone(small_weights: Path) -> Any:
    """That backbone at 32 pixels."""
    from tlearn.models.resolve import resolve_backbone

    return resolve_backbone("mobilenet_025", small_weights, 32).load()
