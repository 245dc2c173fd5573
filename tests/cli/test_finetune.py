"""The plan before, the result after, and flags that become recipe keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tlearn import api
from tlearn.recipe.schema import Recipe

Command = Callable[..., Result]
KEYS = {"run", "policy", "backbone", "val_accuracy", "test_accuracy", "seconds"}


def told(outcome: api.FinetuneResult) -> Callable[..., api.FinetuneResult]:
    """An api that settles a plan, trains for an epoch and hands over the outcome."""

    def answer(**named: Any) -> api.FinetuneResult:
        named["on_plan"](outcome)
        record = {"epochs": 7, "val_accuracy": 0.9, "val_loss": 0.4}
        named["on_epoch"](record | {"epoch": 0})
        named["on_epoch"](record | {"epoch": 1, "loss": 0.5, "accuracy": 0.8})
        return outcome

    return answer


def test_it_prints_the_plan_then_the_result(
    command: Command,
    calls: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    calls("finetune", told(outcome))
    result = command("finetune", "folder")
    assert result.exit_code == 0
    fits(result.stdout)
    plan, reached = result.stdout.split("Accuracy on pictures held out")
    stages = {line.split()[1]: line for line in plan.splitlines() if line.startswith("  stage ")}
    assert stages["1"].split()[-1] == "frozen" and "e-4" in stages["3"]
    assert "solved, then" in plan
    assert "90.0 %" in reached and "report.html" in reached and "1 min 5 s" in reached
    assert "export" in reached.splitlines()[-1] and "--tflite" in reached.splitlines()[-1]
    assert "epoch   1 of 7" in result.stderr and "val  90.0 %" in result.stderr


@pytest.mark.parametrize(("here", "named"), [(".", ""), ("elsewhere", " ")])
def test_the_next_command_names_a_run_that_is_not_the_newest_here(
    here: str,
    named: str,
    command: Command,
    calls: Callable[..., Any],
    outcome: api.FinetuneResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert outcome.run is not None
    (tmp_path / here).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / here)
    calls("finetune", told(outcome))
    name = named and f"{outcome.run.path} "
    assert command("finetune", "folder").stdout.endswith(f"tlearn export {name}--tflite\n")


def test_the_plan_names_every_key_and_who_set_it(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    calls("finetune", told(outcome))
    shown = command("finetune", "folder").stdout
    assert not [key for key in Recipe.model_fields if key not in shown]
    rows = {line.split()[0]: line for line in shown.splitlines() if line.split()}
    assert rows["epochs"].split()[1:] == ["7", "flag"]
    assert rows["optimizer"].split()[1:] == ["adam", "top_stages.yaml"]
    assert "auto:" in rows["batch_size"]


def test_flags_become_recipe_keys_and_the_rest_is_left_out(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    made = calls("finetune", told(outcome))
    words = (
        "--policy deep --augment light --weights w.h5 --no-horizontal-flip --class-weights --strict"
    )
    rates = "--learning-rate 1e-4 --set patience=3 --set clip-norm=1e-3"
    command("finetune", "folder", "--recipe", "mine.yaml", *words.split(), *rates.split())
    (positional, named) = made[0]
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
    }
    assert positional[2].keys() <= set(Recipe.model_fields)
    assert named["overwrite"] is named["dry_run"] is False and named["keep_cache"] is True


def test_a_key_set_by_a_flag_and_by_set_is_refused(command: Command) -> None:
    result = command("finetune", "folder", "--epochs", 3, "--set", "epochs=4")
    assert result.exit_code == 2 and "epochs is set by a flag" in result.stderr


def test_json_holds_the_keys_that_others_rely_on(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    calls("finetune", told(outcome))
    result = command("finetune", "folder", "--json")
    document = json.loads(result.stdout)
    assert document.keys() >= KEYS and not result.stderr
    assert document["val_accuracy"] == document["test_accuracy"] == 0.9
    assert document["seconds"] == 65.2 and "total" not in document["timings"]
    assert document["plan"].keys() == {field.name for field in fields(outcome.plan)}


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_part_that_is_missing_is_null_and_said(
    split: str, command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    reports = {name: report for name, report in outcome.reports.items() if name != split}
    calls("finetune", told(replace(outcome, reports=reports)))
    assert json.loads(command("finetune", "f", "--json").stdout)[f"{split}_accuracy"] is None
    assert f"no {split} split" in command("finetune", "f").stdout


def test_a_dry_run_ends_with_a_forecast(
    command: Command, calls: Callable[..., Any], planned: api.FinetuneResult
) -> None:
    calls("finetune", told(planned))
    assert "about 1 min 35 s" in command("finetune", "folder", "--dry-run").stdout
    document = json.loads(command("finetune", "folder", "--dry-run", "--json").stdout)
    assert document["run"] is None and document["forecast_seconds"] == 95


def test_a_run_elsewhere_is_named_in_the_next_command(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    assert outcome.run is not None
    away = replace(outcome, run=replace(outcome.run, path=Path("my run")))
    calls("finetune", told(away))
    last = command("finetune", "folder").stdout.splitlines()[-1]
    assert last.endswith("tlearn export 'my run' --tflite")
