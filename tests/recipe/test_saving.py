"""Recipes are written as new files only, and a saved one makes its plan again."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn.errors import HostError, RecipeError
from tlearn.recipe.loading import Resolved, load_recipe, recipe_path
from tlearn.recipe.plan import Plan
from tlearn.recipe.saving import check_new, copy_recipe, recipe_of, save_recipe


def test_copies_are_new_files_only(tmp_path: Path) -> None:
    target = tmp_path / "mine.yaml"
    copy_recipe("deep", target)
    assert target.read_bytes() == recipe_path("deep").read_bytes()
    target.write_text("mine")
    with pytest.raises(RecipeError, match="already exists"):
        copy_recipe("auto", target)
    assert target.read_text() == "mine"
    with pytest.raises(RecipeError, match="already exists"):
        copy_recipe("auto", tmp_path)
    with pytest.raises(RecipeError, match=r"folder .* does not exist") as caught:
        copy_recipe("auto", tmp_path / "none" / "mine.yaml")
    assert caught.value.hint.endswith(f"mkdir {tmp_path / 'none'}")
    with pytest.raises(HostError, match="cannot write"):
        copy_recipe("auto", tmp_path / ("x" * 300))


def test_a_folder_that_cannot_be_written_to_is_refused_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_new(tmp_path / "mine.yaml")
    monkeypatch.setattr("os.access", lambda path, mode: False)  # root may write anywhere
    with pytest.raises(HostError, match=": Permission denied"):
        check_new(tmp_path / "mine.yaml")


@pytest.mark.parametrize("policy", ["linear_head", "top_stages", "deep"])
def test_the_recipe_of_a_plan_makes_the_plan_again(
    policy: str, plan_of: Callable[[Resolved], Plan], tmp_path: Path
) -> None:
    plan = plan_of(load_recipe(None, {"seed": 4}, {"policy": policy, "head_stages": "3"}))
    path = tmp_path / "mine.yaml"
    hostile = "for a\npolicy: from_scratch\x85\udcff \x1b[31m"  # as a folder may be called
    save_recipe(path, recipe_of(plan, hostile, ["because: of this", hostile]))
    text = path.read_text()
    assert "# because: of this" in text and "seed: 4  # flag" in text
    again = plan_of(load_recipe(path, {}))
    provenance = {"recipe": None, "origins": {}, "reasons": {}}
    assert dataclasses.replace(again, **provenance) == dataclasses.replace(plan, **provenance)
