"""Tables of labels and of numbers, a folder of good and bad images, and a small run of each."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.conftest import draw_image
from tests.finished_run import Once
from tlearn import api


def labels_table(folder: Path) -> Path:
    """Images with a circle, a square, both or nothing to see; a few gaps for unknown."""
    folder.mkdir()
    rows = ["path,circle,square"]
    for n in range(60):
        circle, square = n % 2, n // 2 % 2
        left = draw_image("circle" if circle else "stripes", n)
        right = draw_image("square" if square else "stripes", n + 1000)
        both = Image.new("RGB", (96, 48))
        both.paste(left, (0, 0))
        both.paste(right, (48, 0))
        both.save(folder / f"{n}.png")
        rows.append(f"{n}.png,{circle},{'' if n == 7 else square}")
    path = folder / "list.csv"
    path.write_text("\n".join(rows))
    return path


def number_table(folder: Path, first: int = 0, n: int = 60, wrong: bool = False) -> Path:
    """Images whose brightness is the number, unless it is wrong."""
    folder.mkdir()
    rows = ["path,age"]
    for number in range(first, first + n):
        grown = number % 60
        pixels = np.random.default_rng(number).integers(0, 60, (48, 48, 3)) + 3 * grown
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        rows.append(f"{number}.png,{20 + (60 - grown if wrong else grown) / 2}")
    path = folder / "list.csv"
    path.write_text("\n".join(rows))
    return path


def draw_textures(folder: Path) -> Path:
    """Striped images; the bad ones have a bright patch."""
    for name, count in (("good", 40), ("patched", 8)):
        (folder / name).mkdir(parents=True)
        for n in range(count):
            rng = np.random.default_rng(n + 100 * (name == "good"))
            pixels = 120 + 30 * np.sin(np.arange(64) / 3 + rng.uniform(0, 6))[None, :, None]
            pixels = pixels + rng.normal(0, 8, (64, 64, 3))
            if name == "patched":
                pixels[8:28, 36:56] = 240
            image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
            image.save(folder / name / f"{n}.png")
    return folder


DRAWN: dict[str, Callable[[Path], Path]] = {
    "labels": labels_table,
    "number": number_table,
    "one_class": draw_textures,
}


@pytest.fixture
def target_run(
    once: Once, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> Callable[[str], Path]:
    """The run of a task, to write into: a solved head, or a model of good images."""

    def make(task: str, folder: Path) -> None:
        source = DRAWN[task](folder / "images")
        flags = tiny_backbone_flags | {"task": task, "policy": "auto"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TLEARN_CACHE", str(folder / "cache"))
            api.finetune(source, flags=flags, out=folder / "run")

    def run(task: str) -> Path:
        made = once(f"{task}-run", lambda folder: make(task, folder))
        return shutil.copytree(made / "run", tmp_path / f"{task}-run")

    return run
