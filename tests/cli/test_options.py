"""Which flags become recipe keys, and what counts as a run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlearn.cli.options import collect_overrides, is_run
from tlearn.errors import RecipeError
from tlearn.runs.directory import RunDirectory


def test_only_recipe_keys_that_were_given_are_gathered() -> None:
    parameters = {
        "folder": Path("x"),
        "epochs": 0,
        "horizontal_flip": False,
        "seed": None,
        "as_json": True,
    }
    assert collect_overrides(parameters) == {"epochs": 0, "horizontal_flip": False}
    assert collect_overrides(parameters, ["patience=3", "layer-decay=.5"]) == {
        "epochs": 0,
        "horizontal_flip": False,
        "patience": 3,
        "layer_decay": 0.5,
    }


def test_a_key_set_twice_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"epochs is set by a flag of its own and by --set"):
        collect_overrides({"epochs": 3}, ["epochs=4"])


def test_a_run_is_a_directory_that_tlearn_made(tmp_path: Path) -> None:
    assert not is_run(tmp_path) and not is_run(tmp_path / "missing")
    run = RunDirectory.create(tmp_path / "run", "deep")
    assert is_run(run.path)
