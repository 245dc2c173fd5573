"""Runs on drawn images and the tiny backbone: one trained once and copied, others on demand."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import draw_folder
from tlearn import api
from tlearn.runs.contents import seal
from tlearn.runs.directory import RunDirectory
from tlearn.storage.text import read_json, write_json

Train = Callable[..., tuple[api.FinetuneResult, RunDirectory]]
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


def name_images(run: Path, folder: Path) -> None:
    """Have a run say that it was trained on the images of another folder."""
    metrics = run / "metrics.json"
    write_json(metrics, read_json(metrics) | {"folder": str(folder)})
    seal(RunDirectory(run))


@pytest.fixture
def run_images(linear_head_run: Path) -> Path:
    """The images that it was trained on: for reading only."""
    return linear_head_run / "images"


@pytest.fixture
def converted(linear_head_run: Path, own_cache: Path) -> None:
    """The tiny backbone is in the cache as LiteRT and as a template, as after any command."""
    shutil.copytree(linear_head_run / "cache", own_cache, dirs_exist_ok=True)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report, no figures: drawing them takes as long as the rest of a small run.

    `finished_run` has them, and so has the tuned run of tests/e2e.
    """
    for name in ("write_report", "write_figures"):
        monkeypatch.setattr(f"tlearn.commands.save.{name}", lambda *_: None)


@pytest.fixture
def train(
    run_images: Path,
    tiny_backbone_flags: dict[str, Any],
    tmp_path: Path,
    undrawn: None,
    converted: None,
) -> Train:
    """Train on three classes by these recipe keys, by default a linear head: result and run."""

    def run(
        folder: Path = run_images, name: str = "run", **flags: Any
    ) -> tuple[api.FinetuneResult, RunDirectory]:
        keys = tiny_backbone_flags | {"policy": "linear_head"} | flags
        result = api.finetune(folder, flags=keys, out=tmp_path / name)
        assert result.run is not None
        return result, result.run

    return run
