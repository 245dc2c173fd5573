"""A plan survives the disk, and a damaged file is explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.errors import RecipeError
from tlearn.recipe.loading import Resolved
from tlearn.recipe.plan import Plan, StagePlan
from tlearn.recipe.plan_file import read_plan, write_plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.recipe.schema import POLICIES, Recipe

PlanFor = Callable[..., Plan]
ODD_CLASSES = ("auto", "no", "1", "1e3", "null", "", " a\n", "\x85", "é 🍎", "\udc80", "a: b", "&x")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_plan_is_read_back_exactly(policy: str, plan_for: PlanFor, tmp_path: Path) -> None:
    plan = plan_for(classes=ODD_CLASSES, policy=policy, learning_rate=1e-7)
    write_plan(plan, tmp_path / "plan.yaml")
    again = read_plan(tmp_path / "plan.yaml")
    assert again == plan
    assert isinstance(again.stages[0], StagePlan)
    for field in fields(Plan):
        assert type(getattr(again, field.name)) is type(getattr(plan, field.name)), field.name


def test_counts_from_numpy_can_be_written(stages: list[Any], tmp_path: Path) -> None:
    data = SplitCounts(("a", "b"), *np.array([8, 2, 2]))
    backbone = BackboneInfo("mobilenet_v2", 224, "f00d")
    plan = make_plan(Resolved(Recipe(), {}), data, backbone, stages)
    write_plan(plan, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == plan


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("seed: 0\n", "", "seed is missing"),
        ("seed: 0\n", "seed: 0\nsede: 1\n", "sede: no such key; did you mean 'seed'?"),
        ("seed: 0\n", "seed: soon\n", "seed: input should be a valid integer"),
        ("seed: 0\n", "seed: 0\nseed: 1\n", "seed is set twice"),
        ("- name: head\n", "- nome: head\n", "stages.5.name is missing"),
        ("policy: deep", "policy: [deep", "not valid YAML"),
        ("version: 2", "version: 3", "has version 3; this tlearn reads 1 and 2"),
    ],
)
def test_a_damaged_plan_is_explained(
    old: str, new: str, message: str, plan_for: PlanFor, tmp_path: Path
) -> None:
    path = tmp_path / "plan.yaml"
    write_plan(plan_for(policy="deep"), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        read_plan(path)
    assert any(message in error and f"'{path}'" in error for error in caught.value.errors)
    assert caught.value.hint.endswith("tlearn finetune FOLDER")
