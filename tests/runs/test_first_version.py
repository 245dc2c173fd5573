"""A run and an exported file that the first version (0.1.0, plan and contract 1) left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tlearn import api
from tlearn.recipe.loading import load_recipe
from tlearn.recipe.plan_file import read_plan, write_plan

FIRST = Path(__file__).parents[1] / "first_version" / "run"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return shutil.copytree(FIRST, tmp_path / "run")


def test_its_plan_is_read_under_the_names_of_today(run: Path) -> None:
    plan = read_plan(run / "plan.yaml")
    assert plan.head.stages == (1, 2, 3) and plan.head.solved_l2 == pytest.approx(3.16e-5, rel=0.01)
    assert plan.images.horizontal_flip is False and plan.origins["horizontal_flip"] == "flag"
    write_plan(plan, run / "again.yaml")
    assert read_plan(run / "again.yaml") == plan


def test_it_predicts_as_it_did(run: Path) -> None:
    contract = json.loads((run / "export" / "model.contract.json").read_text())
    files = [run / "samples" / "golden" / image["file"] for image in contract["golden"]]
    for answer, image in zip(api.predict(run, files), contract["golden"], strict=True):
        assert answer.label == image["label"]
        assert answer.probability == pytest.approx(max(image["by_model"]), abs=1e-3)


def test_it_is_exported_again_from_its_samples(run: Path) -> None:
    options = api.ExportOptions(max_drop=0.3)
    (artifact,) = api.export(run, [("tflite", "none")], options=options, out=run / "new")
    assert artifact.passed and artifact.checked_on == "sample of val"


def test_its_exported_file_keeps_its_contract(run: Path) -> None:
    checked = api.check(run / "export" / "model.tflite").verification
    assert checked.passed and checked.contract.preprocessing.color_order == "RGB"


def test_a_recipe_with_the_keys_of_the_first_version_is_understood(tmp_path: Path) -> None:
    path = tmp_path / "old.yaml"
    path.write_text("policy: top_stages\nhead_on: several\nmirror: false\nhead_penalty: 0.1\n")
    recipe = load_recipe(path, {"head_l2": 0.2}).recipe
    assert (recipe.head_stages, recipe.horizontal_flip) == ("last3", False)
    assert (recipe.solved_head_l2, recipe.trained_head_l2) == (0.1, 0.2)
