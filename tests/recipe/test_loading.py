"""Recipes: found, merged with suggestion and flags, and all errors reported at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn.errors import RecipeError
from tlearn.recipe import loading
from tlearn.recipe.loading import (
    list_recipes,
    load_recipe,
    parse_assignments,
    recipe_path,
)
from tlearn.recipe.schema import POLICIES, Recipe

Write = Callable[[str | bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def make(content: str | bytes) -> Path:
        path = tmp_path / "mine.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    return make


def errors_of(*args: Any) -> tuple[str, ...]:
    with pytest.raises(RecipeError) as caught:
        load_recipe(*args)
    assert caught.value.hint
    return caught.value.errors


def test_flags_beat_the_file_which_beats_the_suggestion(write: Write) -> None:
    path = write("policy: deep\nepochs: 20\nbatch_size: 8\nlearning_rate: auto\n")
    suggestion = {"policy": "deep", "epochs": 5, "batch_size": 16, "learning_rate": 0.5}
    resolved = load_recipe(path, {"epochs": 30}, suggestion)
    assert (resolved.recipe.epochs, resolved.recipe.batch_size) == (30, 8)
    assert resolved.recipe.learning_rate == 0.5
    origins = resolved.origins
    assert origins["epochs"] == "flag"
    assert origins["batch_size"] == origins["policy"] == "recipe"
    assert origins["learning_rate"] == "suggestion"
    assert origins["seed"] == "default"
    assert set(origins) == set(Recipe.model_fields)


def test_epochs_and_seconds_of_a_file_give_way_to_the_other_as_a_flag(write: Write) -> None:
    recipe = load_recipe(write("policy: deep\nepochs: 20\n"), {"seconds": 60.0}).recipe
    assert (recipe.epochs, recipe.seconds) == ("auto", 60.0)
    recipe = load_recipe(write("policy: deep\nseconds: 60\n"), {"epochs": 3}).recipe
    assert (recipe.epochs, recipe.seconds) == (3, None)
    both = load_recipe(write("policy: deep\nseconds: 60\n"), {"epochs": 3, "seconds": 9.0}).recipe
    assert (both.epochs, both.seconds) == (3, 9.0)  # which planning refuses


def test_a_flag_of_auto_revokes_the_value_of_the_file(write: Write) -> None:
    path = write("epochs: 20\nbatch_size: 8\n")
    overrides = {"epochs": "auto", "batch_size": "auto"}
    resolved = load_recipe(path, overrides, {"epochs": 7})
    assert (resolved.recipe.epochs, resolved.origins["epochs"]) == (7, "suggestion")
    assert (resolved.recipe.batch_size, resolved.origins["batch_size"]) == ("auto", "default")


def test_a_suggestion_for_another_policy_gives_only_its_backbone() -> None:
    suggestion = {"policy": "top_stages", "tuned_stages": 3, "image_size": 160}
    resolved = load_recipe(None, {"policy": "linear-head"}, suggestion)
    assert resolved.recipe.policy == "linear_head"
    assert resolved.recipe.tuned_stages == "auto"
    assert resolved.recipe.image_size == 160
    same = load_recipe(None, {"policy": "top-stages"}, suggestion)
    assert same.recipe.tuned_stages == 3


@pytest.mark.parametrize("policy", POLICIES)
def test_a_policy_loads_its_recipe(policy: str) -> None:
    by_flag = load_recipe(None, {"policy": policy.replace("_", "-")})
    by_suggestion = load_recipe(None, {}, {"policy": policy})
    assert by_flag.path == by_suggestion.path == recipe_path(policy)
    assert by_flag.recipe == by_suggestion.recipe
    assert (by_flag.origins["policy"], by_suggestion.origins["policy"]) == ("flag", "suggestion")


def test_without_anything_asked_for_the_recipe_is_the_default() -> None:
    resolved = load_recipe(None, {})
    assert resolved.recipe == Recipe() == load_recipe("auto", {}).recipe
    assert resolved.path is None


def test_all_errors_of_file_and_flags_are_reported_at_once(write: Write) -> None:
    path = write("# mine\nepoch: 3\nresize: stretch\nseed: 1\nseed: 2\n")
    assert errors_of(path, {"learning_rate": "fast", "polcy": "deep"}) == (
        f"'{path}' line 5: seed is set twice, first on line 4",
        f"'{path}' line 2: epoch: no such key; did you mean 'epochs'?",
        f"'{path}' line 3: resize: 'stretch' is not allowed; expected one of squash, crop, pad",
        "flag learning_rate: 'fast' is not allowed; expected auto, or a number > 0 and < 10",
        "flag polcy: no such key; did you mean 'policy'?",
    )


def test_fractions_are_validated_after_the_flags(write: Write) -> None:
    path = write("val_fraction: 0.5\ntest_fraction: 0.5\n")
    assert load_recipe(path, {"test_fraction": 0.1}).recipe.test_fraction == 0.1
    (error,) = errors_of(path, {})
    assert "add up to 1;" in error


def test_assignments_are_yaml_scalars() -> None:
    assignments = [
        "epochs=10",
        "learning-rate = 1e-3",
        "horizontal-flip=false",
        "weights=C:\\a=b: *.h5",
    ]
    assert parse_assignments(assignments) == {
        "epochs": 10,
        "learning_rate": 0.001,
        "horizontal_flip": False,
        "weights": "C:\\a=b: *.h5",
    }
    assert parse_assignments(["weights=null"]) == {"weights": None}
    assert load_recipe(None, parse_assignments(["epochs=10"])).recipe.epochs == 10


def test_all_wrong_assignments_are_reported() -> None:
    with pytest.raises(RecipeError) as caught:
        parse_assignments(["epochs", "=3", "seed=", "seed=1", "seed=2", "batch_size=8"])
    assert caught.value.errors == (
        "--set 'epochs': expected key=value",
        "--set '=3': expected key=value",
        "--set 'seed=': expected key=value",
        "--set 'seed=2': seed is set more than once",
    )


@pytest.mark.parametrize("text", ["=", "<<", "2024-99-99", "9" * 5000, "[1", "*x"])
def test_an_odd_scalar_becomes_an_error_of_its_key(text: str) -> None:
    (error,) = errors_of(None, parse_assignments([f"epochs={text}"]))
    assert error.startswith("flag epochs: ")
    assert len(error) < 200


def test_weights_may_be_a_path() -> None:
    assert load_recipe(None, {"weights": Path("w.h5")}).recipe.weights == "w.h5"


@pytest.mark.parametrize("info", list_recipes(), ids=lambda info: info.name)
def test_shipped_recipes_are_valid_and_documented(info: loading.RecipeInfo) -> None:
    recipe = load_recipe(info.name, {}).recipe
    assert recipe.policy == info.name
    text = info.path.read_text(encoding="utf-8")
    assert text.startswith(f"# {info.summary}\n")
    assert 20 < len(info.summary) < 100
    assert "\n# Expected:" in text
    assert "\n# Run:  tlearn finetune FOLDER --" in text


def test_a_key_of_the_first_version_has_the_line_it_was_set_on(write: Write) -> None:
    path = write("policy: deep\nhead_on: middle\n")
    (error,) = errors_of(path, {})
    assert error.startswith(f"'{path}' line 2: head_stages: 'middle' is not allowed")


def test_there_is_a_recipe_for_every_policy() -> None:
    assert {info.name for info in list_recipes()} == {"auto", *POLICIES}


def test_recipes_inside_the_package_come_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "tlearn"
    (package / "recipes").mkdir(parents=True)
    (package / "recipes" / "wheel.yaml").write_text("# In the wheel\nepochs: 3\n")
    monkeypatch.setattr(loading, "PACKAGE", package)
    assert [(info.name, info.summary) for info in list_recipes()] == [("wheel", "In the wheel")]


@pytest.mark.parametrize("name", ["top_stages", "top-stages", "Top-Stages", "top_stages.yaml"])
def test_recipes_are_found_by_name_in_any_spelling(name: str) -> None:
    assert recipe_path(name).name == "top_stages.yaml"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("depp", "did you mean 'deep'"),
        ("zzzz", "there is no recipe 'zzzz'"),
        ("top-stage", "did you mean 'top-stages'"),
        ("mine.yml", "there is no recipe file 'mine.yml'"),
        ("../deep", "there is no recipe file '../deep'"),
        ("sub/deep.yaml", "there is no recipe file 'sub/deep.yaml'"),
        (".", "is a folder"),
    ],
)
def test_a_recipe_that_does_not_exist(name: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        recipe_path(name)


def test_a_file_in_the_working_folder_wins_over_a_shipped_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "auto").mkdir()
    assert recipe_path("auto").name == "auto.yaml"
    (tmp_path / "deep").write_text("epochs: 3\n")
    assert load_recipe("deep", {}).recipe.epochs == 3


def test_loading_imports_nothing_heavy() -> None:
    code = "import sys, tlearn.recipe.planning; print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    heavy = {"tensorflow", "keras", "sklearn", "scipy", "matplotlib", "h5py"}
    assert not heavy.intersection(process.stdout.split())


def test_a_setting_under_its_old_and_its_new_name_is_an_error_that_names_both(write: Write) -> None:
    path = write("head_stages: 3\nepochs: 3\nhead_on: 2\n")
    same = "are names of the same setting; leave one of them out"
    assert errors_of(path, {}) == (f"'{path}' line 3: head_on: head_stages and head_on {same}",)
    assert errors_of(None, {"horizontal_flip": False, "mirror": True}) == (
        f"flag mirror: horizontal_flip and mirror {same}",
    )
    old = write("head_on: 2\n")
    assert load_recipe(old, {"head_stages": "3"}).recipe.head_stages == "3"
