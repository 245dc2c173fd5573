"""Flags that become recipe keys, the document, and a dry run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn import api
from tlearn.commands.compare import compare
from tlearn.errors import TlearnError
from tlearn.evaluation.resampling import Repeat, Repeats
from tlearn.recipe.schema import Recipe

KEYS = {"run", "policy", "backbone", "val_accuracy", "test_accuracy", "seconds"}


def test_flags_become_recipe_keys_and_the_rest_is_left_out(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    recorded = finetunes(outcome)
    words = (
        "--policy deep --augment light --weights w.h5 --no-horizontal-flip --class-weights --strict"
    )
    groups = "--group-by (p[0-9]+)_ --groups auto"
    rates = "--learning-rate 1e-4 --set patience=3 --set clip-norm=1e-3"
    command(
        "finetune",
        "folder",
        "--recipe",
        "mine.yaml",
        *words.split(),
        *rates.split(),
        *groups.split(),
    )
    (positional, named) = recorded[0]
    assert positional[:2] == (Path("folder"), "mine.yaml")
    assert positional[2] == {
        "policy": "deep",
        "augmentation": "light",
        "weights": "w.h5",
        "horizontal_flip": False,
        "class_weights": True,
        "strict": True,
        "learning_rate": 1e-4,
        "patience": 3,
        "clip_norm": 1e-3,
        "group_by": "(p[0-9]+)_",
        "groups": "auto",
    }
    assert positional[2].keys() <= set(Recipe.model_fields)
    assert named["overwrite"] is named["dry_run"] is False and named["keep_cache"] is True


def test_a_key_set_by_a_flag_and_by_set_is_refused(command: Command) -> None:
    result = command("finetune", "folder", "--epochs", 3, "--set", "epochs=4")
    assert result.exit_code == 2 and "epochs is set by a flag" in result.stderr


def test_json_holds_the_keys_that_others_rely_on(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    finetunes(outcome)
    result = command("finetune", "folder", "--json", "--quiet")
    document = json.loads(result.stdout)
    assert document.keys() >= KEYS and not result.stderr
    assert document["val_accuracy"] == document["test_accuracy"] == 0.9
    assert document["seconds"] == 65.2 and "total" not in document["timings"]
    assert document["forecast_seconds"] == 131
    assert document["plan"].keys() == {field.name for field in fields(outcome.plan)}


def test_with_json_epochs_are_shown_on_stderr(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    finetunes(outcome)
    result = command("finetune", "folder", "--json")
    assert json.loads(result.stdout)["policy"] == "top_stages" and "epoch" in result.stderr


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_that_is_missing_is_null_and_reported(
    split: str, command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    reports = {name: report for name, report in outcome.reports.items() if name != split}
    finetunes(replace(outcome, reports=reports))
    assert json.loads(command("finetune", "f", "--json").stdout)[f"{split}_accuracy"] is None
    assert f"no {split} split" in command("finetune", "f", "--verbose").stdout


def test_a_dry_run_gives_the_time_once_and_trains_nothing(
    command: Command, finetunes: Callable[..., Any], planned: api.FinetuneResult
) -> None:
    finetunes(planned)
    shown = command("finetune", "folder", "--dry-run").stdout
    assert shown.endswith("Dry run: nothing was trained\n")
    assert " ".join(shown.split()).count("about 2 min on this machine") == 1
    document = json.loads(command("finetune", "folder", "--dry-run", "--json").stdout)
    assert document["run"] is None and document["forecast_seconds"] == 131


def test_repeats_are_a_line_and_a_key(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    each = tuple(Repeat(accuracy, 80, 20, 1.0) for accuracy in (0.8, 0.9, 1.0))
    recorded = finetunes(replace(outcome, repeats=Repeats("folds", each)))
    shown = " ".join(command("finetune", "folder", "--folds", 3).stdout.split())
    assert recorded[0][1]["folds"] == 3
    assert "90.0% right on average of 3 (80.0% to 100.0%; 95% interval" in shown
    repeats = json.loads(command("finetune", "folder", "--json").stdout)["repeats"]
    assert repeats["mean"] == pytest.approx(0.9) and repeats["accuracies"] == [0.8, 0.9, 1.0]


@pytest.mark.parametrize(
    "words",
    ["--policy deep", "--resume", "--folds 5", "--seeds 3", "--dry-run", "--set policy=deep"],
)
def test_policies_side_by_side_leave_no_room_for_one(command: Command, words: str) -> None:
    result = command("finetune", "folder", "--policies", "deep,linear-head", *words.split())
    assert result.exit_code == 2 and "--policies cannot be combined with" in result.stderr


def test_policies_are_a_table_and_those_that_failed_are_told(
    command: Command, calls: Callable[..., Any], write_run: WriteRun
) -> None:
    runs = {
        "deep": write_run("a", policy="deep", wrong=()),
        "linear_head": write_run("b", wrong=(0, 1, 2)),
    }
    failed = {"top_stages": TlearnError("no weights", "name them: --weights FILE")}
    comparison = compare([run.path for run in runs.values()])
    calls("finetune_policies", api.PoliciesResult(runs, comparison, failed, Path("page.html")))
    words = ("finetune", "folder", "--policies", "deep,linear-head,top-stages")
    result = command(*words)
    assert result.exit_code == 1 and "-25.0 (" in result.stdout and "no weights" in result.stdout
    document = json.loads(command(*words, "--json").stdout)
    best, other = document["policies"]
    assert best["difference"] is None and other["difference"]["value"] == pytest.approx(-0.25)
    assert {"policy", "run", "test_accuracy", "interval", "seconds", "size_bytes"} <= best.keys()
    assert document["failed"][0]["policy"] == "top_stages"
