"""A network for a board: what is advised can be trained, and takes what was estimated."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from tests.finished_run import Train
from tlearn import api


def test_no_limit_on_one_side_is_none(
    run_images: Path, tiny_backbone_flags: dict[str, Any]
) -> None:
    flags = tiny_backbone_flags | {"image_size": 32}
    advice = api.suggest_for_board(run_images, api.BoardLimits(flash=1), flags=flags)
    assert advice.advised is None
    assert advice.limits.ram == math.inf
    assert advice.candidates and not any(one.fits(advice.limits) for one in advice.candidates)
    assert {one.image_size for one in advice.candidates} == {32}


def test_what_is_advised_takes_what_was_estimated(
    run_images: Path,
    tiny_backbone_flags: dict[str, Any],
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("tflite_micro", reason="it has wheels for Linux on x86-64")
    pytest.importorskip("ethosu", reason="Vela is an extra: pip install '.[board]'")
    monkeypatch.setattr("tlearn.commands.fit_board.SIDES", (32, 64))
    limits = api.BoardLimits(flash=60_000, ram=60_000)
    advice = api.suggest_for_board(run_images, limits, flags=tiny_backbone_flags)
    chosen = advice.advised
    assert chosen is not None and chosen.fits(limits) and chosen.int8 is not None
    assert {one.image_size for one in advice.candidates} <= {32, 64}
    stages = {"head_stages": chosen.score.head_stages, "image_size": chosen.image_size}
    _, run = train(**stages)
    _, files = api.export_for_board(run.path, "stm32", options=api.ExportOptions(max_drop=1.0))
    assert files is not None
    assert files.model_bytes == pytest.approx(chosen.flash, rel=0.1, abs=5_000)
    assert files.measured_bytes == pytest.approx(chosen.ram, rel=0.1, abs=5_000)
