"""Epochs are planned by the time that is allowed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tlearn import api
from tlearn.commands import plan_time
from tlearn.commands.plan_time import fit_into_time
from tlearn.errors import RecipeError


def test_as_many_epochs_are_planned_as_fit_into_the_time(
    run_images: Path, tiny_backbone_flags: dict[str, Any], converted: None
) -> None:
    asked = tiny_backbone_flags | {"policy": "deep"}
    few, many = (
        api.finetune(run_images, flags=asked | {"seconds": seconds}, dry_run=True).plan.training
        for seconds in (1.0, 36_000.0)
    )
    assert few.epochs == 1 < many.epochs
    assert many.warmup_epochs / many.epochs == pytest.approx(few.warmup_epochs / few.epochs)
    with pytest.raises(RecipeError, match=r"epochs .*and seconds .*are both set"):
        api.finetune(run_images, flags=asked | {"seconds": 60, "epochs": 3}, dry_run=True)


@pytest.mark.parametrize(
    ("seconds", "of_its_own", "advised"), [(25.0, 2, 2), (65.0, 6, 6), (1_000.0, 100, 5)]
)
def test_an_advised_plan_keeps_its_epochs_where_there_is_ample_time(
    run_images: Path,
    tiny_backbone_flags: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    of_its_own: int,
    advised: int,
) -> None:
    flags = tiny_backbone_flags | {"policy": "deep", "epochs": 5}
    plan = api.finetune(run_images, flags=flags, dry_run=True).plan
    plan = replace(plan, training=replace(plan.training, seconds=seconds))
    monkeypatch.setattr(plan_time, "forecast_plan", lambda _, of, __: 10.0 * of.training.epochs)
    session: Any = SimpleNamespace(
        measure_pass=lambda workspace: 0.0, timer=SimpleNamespace(total=lambda: 0.0)
    )
    workspace: Any = None
    planned = fit_into_time(session, workspace, plan).training
    assert (planned.epochs, planned.seconds) == (of_its_own, seconds)
    planned = fit_into_time(session, workspace, plan, advised=True).training
    assert (planned.epochs, planned.seconds) == (advised, None if advised == 5 else seconds)
