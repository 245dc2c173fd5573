"""Commands on drawn images and the tiny backbone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.runs.directory import RunDirectory

Train = Callable[..., tuple[api.FinetuneResult, RunDirectory]]


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No report, no figures: drawing them takes as long as the rest of a small run.

    `finished_run` has them, and so has the run of tests/e2e.
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
