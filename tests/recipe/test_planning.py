"""A plan leaves nothing open, and contradictions are reported all at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest

from tlearn.errors import RecipeError
from tlearn.models.catalog import NO_CUT
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import image_size_for, stage_rates
from tlearn.recipe.schema import POLICIES, Recipe

PlanFor = Callable[..., Plan]


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@pytest.mark.parametrize("policy", ["auto", *POLICIES])
@pytest.mark.parametrize("n_stages", [1, 2, 5])
def test_nothing_is_left_open(policy: str, n_stages: int, plan_for: PlanFor) -> None:
    edges = (1, 16, 32, 64, 200, 1_280, 1_334, 2_000, 4_000, 4_800, 100_000)
    for n_train in sorted({max(edge + step, 1) for edge in edges for step in (-1, 0, 1)}):
        plan = plan_for(n_train, n_stages, policy=policy)
        assert "auto" not in leaves(dataclasses.asdict(plan)), n_train
        assert plan.training.steps_per_epoch * plan.training.batch_size >= n_train
        assert 0 <= plan.training.warmup_epochs <= plan.training.epochs


@pytest.mark.parametrize(
    ("head_stages", "numbers"),
    [("auto", (5,)), ("last", (5,)), (3, (3,)), ([4, 2], (2, 4)), ("1", (1,))],
)
def test_stages_after_those_that_the_head_reads_are_cut_off(
    head_stages: Any, numbers: tuple[int, ...], plan_for: PlanFor, stages: list[Any]
) -> None:
    plan = plan_for(policy="linear_head", head_stages=head_stages)
    *kept, head = plan.stages
    last = stages[numbers[-1] - 1]
    assert plan.head.stages == numbers
    assert [stage.name for stage in kept] == [stage.name for stage in stages[: numbers[-1]]]
    assert kept[-1].parameters == last.parameters + last.params_after_cut
    width = sum(stages[number - 1].width for number in numbers)
    assert head.parameters == (width + 1) * len(plan.split.classes)


def test_a_head_on_other_stages_changes_the_fingerprint(plan_for: PlanFor) -> None:
    whole = plan_for(policy="linear_head").backbone.fingerprint
    assert plan_for(policy="linear_head", head_stages=5).backbone.fingerprint == whole
    other = plan_for(policy="linear_head", head_stages=3).backbone
    assert (other.fingerprint, other.whole) == (f"{whole}-on-3", whole)


def test_tuning_counts_the_stages_that_are_left(plan_for: PlanFor) -> None:
    assert plan_for(policy="deep", head_stages=3).training.first_trained_stage == 0
    assert plan_for(policy="top_stages", head_stages=3).training.first_trained_stage == 1


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"policy": "linear_head", "head_stages": 6}, "has 5 stages"),
        ({"policy": "top_stages", "head_stages": "1,4"}, "all 3 stages after the first"),
        ({"policy": "linear_head", "head_stages": [2, 4], "head_dropout": 0.1}, "reads one stage"),
        ({"policy": "linear_head", "head_stages": "middle"}, "last, best, last3 or numbers"),
        ({"policy": "linear_head", "head_stages": 0}, "last, best, last3 or numbers"),
    ],
)
def test_stages_that_a_head_cannot_read(
    keys: dict[str, Any], message: str, plan_for: PlanFor
) -> None:
    with pytest.raises(RecipeError, match=message):
        plan_for(**keys)


def test_what_was_asked_for_is_what_will_run(plan_for: PlanFor) -> None:
    keys: dict[str, Any] = {
        "policy": "deep",
        "image_size": 96,
        "augmentation": "strong",
        "tuned_stages": 3,
        "learning_rate": 0.01,
        "layer_decay": 0.5,
        "epochs": 7,
        "batch_size": 5,
        "views": 2,
        "warmup_epochs": 1,
        "solved_head_l2": 0.1,
        "batch_norm": "trained",
        "seed": 9,
        "resize": "pad",
        "horizontal_flip": False,
        "head_stages": "4",
    }
    plan = plan_for(**keys)
    assert {key: plan.value(key) for key in keys} == keys
    assert all(plan.origins[key] == "flag" for key in keys)
    assert set(plan.reasons) == {"backbone"}


def test_learning_rates_fall_from_the_head_to_the_frozen_stages(plan_for: PlanFor) -> None:
    plan = plan_for(policy="top_stages", learning_rate=0.1, layer_decay=0.5)
    assert plan.training.first_trained_stage == 3
    assert [stage.name for stage in plan.stages][-2:] == ["stage 5", "head"]
    assert [stage.learning_rate for stage in plan.stages] == [0, 0, 0, 0.025, 0.05, 0.1]
    assert plan.stages[-1].parameters == (80 + 1) * 2


def test_a_solved_head_has_no_learning_rates(plan_for: PlanFor) -> None:
    plan = plan_for(policy="linear_head", learning_rate=0.1)
    assert plan.training.first_trained_stage is None
    assert {stage.learning_rate for stage in plan.stages} == {0.0}


def test_a_head_trained_by_gradient_has_the_only_learning_rate(plan_for: PlanFor) -> None:
    plan = plan_for(policy="linear_head", epochs=5)
    assert [stage.learning_rate > 0 for stage in plan.stages] == [False] * 5 + [True]


def test_deep_tuning_starts_at_the_first_stage(plan_for: PlanFor) -> None:
    plan = plan_for(policy="deep")
    assert plan.training.first_trained_stage == 0
    rates = [stage.learning_rate for stage in plan.stages]
    assert rates == sorted(rates) and rates[0] > 0


@pytest.mark.parametrize(
    ("tuned", "rates"),
    [(0, (0, 0, 1.0)), (1, (0, 0.5, 1.0)), (2, (0.25, 0.5, 1.0))],
)
def test_stage_rates(tuned: int, rates: tuple[float, ...]) -> None:
    assert stage_rates(1.0, 0.5, 2, tuned) == rates


def test_the_image_size_is_the_backbones_unless_asked_for(plan_for: PlanFor) -> None:
    assert image_size_for(Recipe(), 224) == 224
    assert image_size_for(Recipe(image_size=96), 224) == 96
    assert plan_for().images.image_size == 224


def test_all_contradictions_are_reported_at_once(plan_for: PlanFor) -> None:
    with pytest.raises(RecipeError) as caught:
        plan_for(policy="deep", tuned_stages=9, epochs=0)
    assert len(caught.value.errors) == 2
    assert caught.value.hint.endswith("--policy NAME")


def test_the_plan_keeps_the_name_of_the_recipe_without_its_folder(plan_for: PlanFor) -> None:
    assert plan_for(policy="deep").recipe == "deep.yaml"
    assert plan_for().recipe is None


def test_a_head_reads_all_stages_of_networks_side_by_side(
    stages: list[Any], plan_for: PlanFor
) -> None:
    stages[:] = [dataclasses.replace(stage, end_cut=NO_CUT) for stage in stages]
    for head_stages in ("auto", "1,2,3,4,5"):
        plan = plan_for(policy="linear_head", head_stages=head_stages)
        assert plan.head.stages == (1, 2, 3, 4, 5)
    with pytest.raises(RecipeError, match="the last stages of all networks"):
        plan_for(policy="linear_head", head_stages="last")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"policy": "deep"}, "policy deep: networks side by side"),
        ({"policy": "top_stages"}, "policy top-stages: networks side by side"),
        ({"policy": "from_scratch"}, "policy from-scratch: networks side by side"),
        ({"policy": "linear_head", "head_dropout": 0.1}, "epochs 20: networks side by side"),
    ],
)
def test_networks_side_by_side_are_not_tuned(
    keys: dict[str, Any], message: str, stages: list[Any], plan_for: PlanFor
) -> None:
    stages[:] = [dataclasses.replace(stage, end_cut=NO_CUT) for stage in stages]
    with pytest.raises(RecipeError, match=message) as error:
        plan_for(**keys)
    assert "--backbone" in (error.value.hint or "")
