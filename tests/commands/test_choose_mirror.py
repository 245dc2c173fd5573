"""Whether training mirrors images: measured on mirror images, where it is open and matters."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn import api

Plan = Callable[..., api.FinetuneResult]


def draw_ramps(root: Path, quarter_turns: int) -> Path:
    """Two classes of repeated ramps: brighter to one side, or to the opposite one."""
    ramps = np.tile(np.linspace(60, 190, 8), (48, 6))
    for name, image in (("forth", ramps), ("back", ramps[:, ::-1])):
        (root / name).mkdir(parents=True)
        for seed in range(14):
            noise = np.random.default_rng(seed).normal(0, 12, (48, 48, 3))
            pixels = np.rot90(image, quarter_turns)[..., None] + noise
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(root / name / f"{seed}.png")
    return root


@pytest.fixture
def plan(tiny_backbone_flags: dict[str, Any], converted: None) -> Plan:
    """What would be trained on a folder, and the steps that led to it in `steps`."""

    def make(folder: Path, steps: list[str] | None = None, **flags: Any) -> api.FinetuneResult:
        flags = tiny_backbone_flags | {"policy": "top_stages", "epochs": 1} | flags
        seen: list[str] = [] if steps is None else steps
        return api.finetune(
            folder, flags=flags, dry_run=True, progress=lambda step, *_: seen.append(step)
        )

    return make


def test_images_are_not_mirrored_where_left_and_right_differ(tmp_path: Path, plan: Plan) -> None:
    found = plan(draw_ramps(tmp_path / "sideways", 0)).plan
    assert found.images.horizontal_flip is False
    assert "less often: direction matters" in found.reasons["horizontal_flip"]


def test_images_are_mirrored_where_only_up_and_down_differ(tmp_path: Path, plan: Plan) -> None:
    found = plan(draw_ramps(tmp_path / "upright", 1)).plan
    assert found.images.horizontal_flip is True
    assert "no sign that direction matters" in found.reasons["horizontal_flip"]


@pytest.mark.parametrize(
    ("flags", "mirrored"),
    [
        ({"horizontal_flip": True}, True),
        ({"horizontal_flip": False}, False),
        ({"augmentation": "none"}, True),
        ({"policy": "linear_head", "epochs": 0}, True),
    ],
)
def test_nothing_is_measured_where_it_decides_nothing(
    tmp_path: Path, plan: Plan, flags: dict[str, Any], mirrored: bool
) -> None:
    steps: list[str] = []
    found = plan(draw_ramps(tmp_path / "sideways", 0), steps, **flags).plan
    assert found.images.horizontal_flip is mirrored
    assert "compare with mirror images" not in steps


def test_a_number_that_turns_with_the_image_is_not_mirrored(tmp_path: Path, plan: Plan) -> None:
    rows = ["path,slope"]
    for n in range(40):
        slope = n - 19.5
        ramp = 120 + slope * np.linspace(-5, 5, 48)[None, :, None]
        noise = np.random.default_rng(n).normal(0, 4, (48, 48, 3))
        Image.fromarray((ramp + noise).clip(0, 255).astype(np.uint8)).save(tmp_path / f"{n}.png")
        rows.append(f"{n}.png,{slope}")
    (tmp_path / "list.csv").write_text("\n".join(rows))
    found = plan(tmp_path / "list.csv").plan
    assert (found.task, found.images.horizontal_flip) == ("number", False)
