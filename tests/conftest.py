"""Drawn images, a cache for each test, and what the workers of one test run share."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image, ImageDraw

from tlearn.data import file_index

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
pytest_plugins = [
    f"tests.{name}"
    for name in ("backbones", "trained_model", "finished_run", "target_runs", "written_run")
]
SHARED = Path(os.environ.get("TLEARN_SHARED", Path(__file__).parents[2] / "shared"))
Make = Callable[[Path], object]
SHAPES = {
    "circle": (200, 60, 60),
    "square": (60, 190, 70),
    "stripes": (60, 70, 210),
    "cross": (210, 200, 60),
    "dots": (190, 60, 200),
}
"""Every shape has a color of its own: a random network tells them apart, not perfectly."""


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a cache folder of its own and no weights by accident."""

    def not_installed(name: str) -> Distribution:
        raise PackageNotFoundError(name)

    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("TLEARN_CACHE", str(cache))
    monkeypatch.delenv("TLEARN_WEIGHTS", raising=False)
    monkeypatch.setattr("tlearn.models.weights.distribution", not_installed)
    return cache


@pytest.fixture
def shared() -> Path:
    """The folder with real images and weights; the test is skipped where it is missing."""
    if not SHARED.is_dir():
        pytest.skip("real images and weights are not on this machine (TLEARN_SHARED)")
    return SHARED


def draw_image(shape: str, seed: int, size: int = 48) -> Image.Image:
    """A drawn image: `shape` at a random place, in a shade of its color, on noise."""
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


def draw_folder(
    root: Path,
    classes: int = 3,
    per_class: int = 8,
    size: int = 48,
    splits: tuple[str, ...] = ("",),
) -> Path:
    """Write an image folder: a folder of PNG files for each shape, below each split."""
    for number, split in enumerate(splits):
        for label, shape in enumerate(list(SHAPES)[:classes]):
            folder = root / split / shape
            folder.mkdir(parents=True, exist_ok=True)
            for index in range(per_class):
                seed = 10_000 * number + 1_000 * label + index
                draw_image(shape, seed, size).save(folder / f"{shape}_{index}.png")
    return root


@pytest.fixture
def image_folder(tmp_path: Path) -> Callable[..., Path]:
    """Make an image folder: `image_folder(classes=3, per_class=8, size=48, splits=("",))`."""

    def make(*arguments: int, name: str = "images", **options: Any) -> Path:
        return draw_folder(tmp_path / name, *arguments, **options)

    return make


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names of the images, PNG files, that were opened."""
    names: list[str] = []
    active = [True]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if active and event == "open" and isinstance(arguments[0], str | os.PathLike):
            path = Path(arguments[0])
            if path.suffix == ".png":
                names.append(path.name)

    sys.addaudithook(hook)
    # Files of a test are always new: its clock runs ahead.
    now = file_index.time.time_ns
    monkeypatch.setattr(file_index.time, "time_ns", lambda: now() + 10**10)
    yield names
    active.clear()


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Make], Path]:
    """Fill a folder once in a test run: `once(name, make)` calls `make(folder)` in one worker."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def filled(name: str, make: Make) -> Path:
        folder, done = base / name, base / f"{name}.done"
        with FileLock(base / f"{name}.lock"):
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return filled
