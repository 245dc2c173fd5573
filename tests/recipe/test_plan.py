"""The record of a plan: groups of values that are also known by their flat recipe keys."""

from __future__ import annotations

from collections.abc import Callable

from tlearn.recipe.plan import FLAT_KEYS, Plan
from tlearn.recipe.schema import Recipe


def test_every_recipe_key_has_a_place_in_the_plan() -> None:
    assert set(Recipe.model_fields) <= FLAT_KEYS.keys()


def test_values_are_found_by_their_recipe_keys(plan_for: Callable[..., Plan]) -> None:
    plan = plan_for(policy="linear_head", head_stages="2,4", solved_head_l2=0.1, image_size=96)
    assert plan.value("solved_head_l2") == plan.head.solved_l2 == 0.1
    assert plan.value("image_size") == plan.images.image_size == 96
    assert plan.value("policy") == plan.policy == "linear_head"
    assert plan.value("head_stages") == "2,4"


def test_the_flat_plan_has_every_value_once(plan_for: Callable[..., Plan]) -> None:
    plan = plan_for(policy="deep")
    assert plan.flat().keys() == FLAT_KEYS.keys()
    assert plan.flat()["backbone"] == plan.backbone.name
