"""Recipes listed, explained and copied."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tlearn.recipe.loading import list_recipes, load_recipe
from tlearn.recipe.schema import Recipe


@pytest.mark.parametrize("words", [["recipes"], ["recipes", "list"]])
def test_all_are_listed(words: list[str], command: Command, fits: Callable[[str], None]) -> None:
    result = command(*words)
    fits(result.stdout)
    assert all(recipe.name.replace("_", "-") in result.stdout for recipe in list_recipes())
    listed = json.loads(command(*words, "--json").stdout)["recipes"]
    assert {"linear_head", "deep"} <= {recipe["name"] for recipe in listed}


@pytest.mark.parametrize("words", [["show", "top-stages"], ["top-stages"]])
def test_one_is_explained_key_by_key(words: list[str], command: Command) -> None:
    result = command("recipes", *words)
    assert result.exit_code == 0
    assert "policy: top-stages" in result.stdout
    assert not [key for key in Recipe.model_fields if f"  {key}" not in result.stdout]
    assert "one of squash, crop, pad; default: squash" in result.stdout
    assert "true or false; default: true" in result.stdout and "default: null" in result.stdout
    document = json.loads(command("recipes", *words, "--json").stdout)
    assert document["keys"].keys() == Recipe.model_fields.keys()


def test_a_file_of_ones_own_is_shown_as_plain_text(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("policy: deep  # [red]mine[/red] \u202e\n", "utf-8")
    shown = command("recipes", "show", path).stdout
    assert "# [red]mine[/red] \\u202e" in shown


def test_a_file_with_errors_is_not_recommended(command: Command, tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("policy: deep\nepoch: 3\n")
    result = command("recipes", "show", tmp_path / "bad.yaml")
    assert result.exit_code == 2 and not result.stdout
    assert "line 2: epoch: no such key; did you mean 'epochs'?" in " ".join(result.stderr.split())


def test_a_copy_can_be_edited_and_is_never_overwritten(command: Command, tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    assert "--recipe" in command("recipes", "copy", "deep", target).stdout
    assert load_recipe(target, {}).recipe.policy == "deep"
    again = command("recipes", "copy", "deep", target)
    assert again.exit_code == 2 and "already exists" in again.stderr


@pytest.mark.parametrize("words", [["copy"], ["copy", "deep"], ["deep", "auto"], ["depe"]])
def test_misuse_is_explained(words: list[str], command: Command) -> None:
    result = command("recipes", *words)
    assert result.exit_code == 2 and "hint:" in result.stderr
