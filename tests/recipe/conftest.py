"""A backbone of five stages and plans for it, without a network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tlearn.features.extractor import StageInfo
from tlearn.recipe.loading import Resolved, load_recipe
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan

BACKBONE = BackboneInfo("mobilenet_v2", 224, "f00d")


@pytest.fixture
def stages() -> list[StageInfo]:
    return [
        StageInfo(f"stage {n}", n, 56, 16 * n, 1000 * n, params_after_cut=7) for n in range(1, 6)
    ]


@pytest.fixture
def plan_of(stages: list[StageInfo]) -> Callable[[Resolved], Plan]:
    """Make the plan of a resolved recipe for 500 images of two classes."""
    data = SplitCounts(("a", "b"), 500, 100, 100)
    return lambda resolved: make_plan(resolved, data, BACKBONE, stages)


@pytest.fixture
def plan_for(stages: list[StageInfo]) -> Callable[..., Plan]:
    """Make a plan: `plan_for(n_train=500, n_stages=5, classes=("a", "b"), **recipe_keys)`."""

    def make(
        n_train: int = 500, n_stages: int = 5, classes: tuple[str, ...] = ("a", "b"), **keys: Any
    ) -> Plan:
        data = SplitCounts(classes, n_train, n_train // 4, n_train // 4)
        return make_plan(load_recipe(None, keys), data, BACKBONE, stages[:n_stages])

    return make
