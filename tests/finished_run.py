"""A run to evaluate, predict with and export: trained once, copied for each test."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import draw_folder
from tlearn import api

Once = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def linear_head_run(once: Once, tiny_backbone_flags: dict[str, Any]) -> Path:
    """A folder with `images` of three classes, twenty each, and `run`: for reading only."""

    def make(folder: Path) -> None:
        draw_folder(folder / "images", per_class=20)
        flags = tiny_backbone_flags | {"policy": "linear_head"}
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TLEARN_CACHE", str(folder / "cache"))
            api.finetune(folder / "images", flags=flags, out=folder / "run")

    return once("linear-head-run", make)


@pytest.fixture
def finished_run(linear_head_run: Path, tmp_path: Path) -> Path:
    """A copy of that run to write into; its images are those it was trained on."""
    return shutil.copytree(linear_head_run / "run", tmp_path / "run")


@pytest.fixture
def run_images(linear_head_run: Path) -> Path:
    """The images that it was trained on: for reading only."""
    return linear_head_run / "images"


@pytest.fixture
def converted(linear_head_run: Path, own_cache: Path) -> None:
    """The tiny backbone is in the cache as LiteRT and as a template, as after any command."""
    shutil.copytree(linear_head_run / "cache" / "probes", own_cache / "probes")
