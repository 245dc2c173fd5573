"""A plan leaves nothing open and survives the disk."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.errors import HostError, RecipeError
from tlearn.recipe.loading import Resolved, load_recipe
from tlearn.recipe.plan import (
    PLACES,
    BackboneInfo,
    Plan,
    SplitCounts,
    StagePlan,
    image_size_for,
    make_plan,
    stage_rates,
)
from tlearn.recipe.plan_file import read_plan, write_plan
from tlearn.recipe.saving import check_new, recipe_of, save_recipe
from tlearn.recipe.schema import POLICIES, Recipe


@dataclasses.dataclass(frozen=True)
class Stage:
    name: str
    parameters: int
    width: int
    params_after_cut: int = 7


BACKBONE = BackboneInfo("mobilenet_v2", 224, "f00d")
STAGES = tuple(Stage(f"stage {n}", 1000 * n, 16 * n) for n in range(1, 6))


def plan_for(
    n_train: int = 500, stages: int = 5, classes: tuple[str, ...] = ("a", "b"), **keys: Any
) -> Plan:
    data = SplitCounts(classes, n_train, n_train // 4, n_train // 4)
    return make_plan(load_recipe(None, keys), data, BACKBONE, STAGES[:stages])


def leaves(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [leaf for item in value.values() for leaf in leaves(item)]
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in leaves(item)]
    return [value]


@pytest.mark.parametrize("policy", ["auto", *POLICIES])
@pytest.mark.parametrize("stages", [1, 2, 5])
def test_nothing_is_left_open(policy: str, stages: int) -> None:
    edges = (1, 16, 32, 64, 200, 1_280, 1_334, 2_000, 4_000, 4_800, 100_000)
    for n_train in sorted({max(edge + step, 1) for edge in edges for step in (-1, 0, 1)}):
        plan = plan_for(n_train, stages, policy=policy)
        assert "auto" not in leaves(dataclasses.asdict(plan)), n_train
        assert plan.training.steps_per_epoch * plan.training.batch_size >= n_train
        assert 0 <= plan.training.warmup_epochs <= plan.training.epochs


def test_every_key_of_the_recipe_stands_in_the_plan() -> None:
    assert set(Recipe.model_fields) <= PLACES.keys()


@pytest.mark.parametrize(
    ("head_stages", "numbers"),
    [("auto", (5,)), ("last", (5,)), (3, (3,)), ([4, 2], (2, 4)), ("1", (1,))],
)
def test_stages_after_those_that_the_head_reads_are_cut_off(
    head_stages: Any, numbers: tuple[int, ...]
) -> None:
    plan = plan_for(policy="linear_head", head_stages=head_stages)
    assert plan.head.stages == numbers
    assert [stage.name for stage in plan.stages][:-1] == [s.name for s in STAGES[: numbers[-1]]]
    width = sum(STAGES[number - 1].width for number in numbers)
    assert plan.stages[-1].parameters == (width + 1) * len(plan.split.classes)
    assert (
        plan.stages[-2].parameters
        == STAGES[numbers[-1] - 1].parameters + STAGES[0].params_after_cut
    )
    whole = plan_for(policy="linear_head").backbone.fingerprint
    assert (plan.backbone.fingerprint == whole) is (numbers == (5,))


def test_tuning_counts_the_stages_that_are_left() -> None:
    assert plan_for(policy="deep", head_stages=3).training.first_trained_stage == 0
    assert plan_for(policy="top_stages", head_stages=3).training.first_trained_stage == 1


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"policy": "linear_head", "head_stages": 6}, "has 5 stages"),
        ({"policy": "top_stages", "head_stages": "1,4"}, "begin after stage 1"),
        ({"policy": "linear_head", "head_stages": [2, 4], "head_dropout": 0.1}, "reads one stage"),
        ({"policy": "linear_head", "head_stages": "middle"}, "last, best, last3 or numbers"),
        ({"policy": "linear_head", "head_stages": 0}, "last, best, last3 or numbers"),
    ],
)
def test_stages_that_a_head_cannot_read(keys: dict[str, Any], words: str) -> None:
    with pytest.raises(RecipeError, match=words):
        plan_for(**keys)


def test_what_was_asked_is_what_will_run() -> None:
    asked: dict[str, Any] = {
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
    plan = plan_for(**asked)
    assert {key: plan.value(key) for key in asked} == asked
    assert all(plan.origins[key] == "flag" for key in asked)
    assert set(plan.reasons) == {"backbone"}


def test_stages_and_rates() -> None:
    plan = plan_for(policy="top_stages", learning_rate=0.1, layer_decay=0.5)
    assert plan.training.first_trained_stage == 3
    assert [stage.name for stage in plan.stages][-2:] == ["stage 5", "head"]
    assert [stage.learning_rate for stage in plan.stages] == [0, 0, 0, 0.025, 0.05, 0.1]
    assert plan.stages[-1].parameters == (80 + 1) * 2


def test_a_solved_head_has_no_rates() -> None:
    plan = plan_for(policy="linear_head", learning_rate=0.1)
    assert plan.training.first_trained_stage is None
    assert {stage.learning_rate for stage in plan.stages} == {0.0}


def test_a_head_trained_by_steps_has_a_rate_of_its_own() -> None:
    plan = plan_for(policy="linear_head", epochs=5)
    assert [stage.learning_rate > 0 for stage in plan.stages] == [False] * 5 + [True]


def test_deep_starts_at_the_first_stage() -> None:
    plan = plan_for(policy="deep")
    assert plan.training.first_trained_stage == 0
    rates = [stage.learning_rate for stage in plan.stages]
    assert rates == sorted(rates)
    assert rates[0] > 0


@pytest.mark.parametrize(
    ("tuned", "rates"),
    [(0, (0, 0, 1.0)), (1, (0, 0.5, 1.0)), (2, (0.25, 0.5, 1.0))],
)
def test_stage_rates(tuned: int, rates: tuple[float, ...]) -> None:
    assert stage_rates(1.0, 0.5, 2, tuned) == rates


def test_image_size_is_the_backbones_unless_asked() -> None:
    assert image_size_for(Recipe(), 224) == 224
    assert image_size_for(Recipe(image_size=96), 224) == 96
    assert plan_for().images.image_size == 224


def test_all_contradictions_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        plan_for(policy="deep", tuned_stages=9, epochs=0)
    assert len(caught.value.errors) == 2
    assert "--policy" in caught.value.hint


ODD_CLASSES = ("auto", "no", "1", "1e3", "null", "", " a\n", "\x85", "é 🍎", "\udc80", "a: b", "&x")


@pytest.mark.parametrize("policy", POLICIES)
def test_a_plan_survives_the_disk(policy: str, tmp_path: Path) -> None:
    plan = plan_for(classes=ODD_CLASSES, policy=policy, learning_rate=1e-7)
    write_plan(plan, tmp_path / "plan.yaml")
    found = read_plan(tmp_path / "plan.yaml")
    assert found == plan
    assert isinstance(found.stages[0], StagePlan)
    for field in dataclasses.fields(Plan):
        assert type(getattr(found, field.name)) is type(getattr(plan, field.name)), field.name


def test_counts_from_numpy_can_be_written(tmp_path: Path) -> None:
    counts = np.array([8, 2, 2])
    data = SplitCounts(("a", "b"), *counts)
    stages = [Stage("stage 1", np.int64(10), np.int64(4))]  # type: ignore[arg-type]
    plan = make_plan(Resolved(Recipe(), {}), data, BACKBONE, stages)
    write_plan(plan, tmp_path / "plan.yaml")
    assert read_plan(tmp_path / "plan.yaml") == plan


def test_the_name_of_the_recipe_is_kept_and_not_its_folder(tmp_path: Path) -> None:
    assert plan_for(policy="deep").recipe == "deep.yaml"
    assert plan_for().recipe is None


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("seed: 0\n", "", "seed is missing"),
        ("seed: 0\n", "seed: 0\nsede: 1\n", "sede: no such key; did you mean 'seed'?"),
        ("seed: 0\n", "seed: soon\n", "seed: Input should be a valid integer"),
        ("seed: 0\n", "seed: 0\nseed: 1\n", "seed stands twice"),
        ("- name: head\n", "- nome: head\n", "stages.5.name is missing"),
        ("policy: deep", "policy: [deep", "not valid YAML"),
    ],
)
def test_a_spoilt_plan(old: str, new: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    write_plan(plan_for(policy="deep"), path)
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(RecipeError) as caught:
        read_plan(path)
    assert any(words in error and str(path) in error for error in caught.value.errors)


def test_a_recipe_that_could_not_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_new(tmp_path / "mine.yaml")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(HostError, match=": Permission denied"):
        check_new(tmp_path / "mine.yaml")


@pytest.mark.parametrize("policy", ["linear_head", "top_stages", "deep"])
def test_a_recipe_of_a_plan_makes_the_plan_again(policy: str, tmp_path: Path) -> None:
    suggested = load_recipe(None, {"seed": 4}, {"policy": policy, "head_stages": "3"})
    data = SplitCounts(("a", "b"), 500, 100, 100)
    plan = make_plan(suggested, data, BACKBONE, STAGES)
    path = tmp_path / "mine.yaml"
    hostile = "for a\npolicy: from_scratch\x85\udcff \x1b[31m"  # as a folder may be called
    save_recipe(path, recipe_of(plan, hostile, ["because: of this", hostile]))
    text = path.read_text()
    assert "# because: of this" in text and "seed: 4  # flag" in text
    again = make_plan(load_recipe(path, {}), data, BACKBONE, STAGES)
    ways = {"recipe": None, "origins": {}, "reasons": {}}
    assert dataclasses.replace(again, **ways) == dataclasses.replace(plan, **ways)
