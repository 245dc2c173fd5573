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
from tlearn.suggestion.matrix import Policy

Command = Callable[..., Result]
KEYS = {"run", "policy", "backbone", "val_accuracy", "test_accuracy", "seconds"}


def trains(outcome: api.FinetuneResult) -> Callable[..., api.FinetuneResult]:
    """Return an API that settles a plan, trains for an epoch and returns the outcome."""

    def answer(**named: Any) -> api.FinetuneResult:
        named["on_plan"](outcome)
        record = {"epochs": 7, "val_accuracy": 0.9, "val_loss": 0.4}
        named["on_epoch"](record | {"epoch": 0})
        named["on_epoch"](record | {"epoch": 1, "loss": 0.5, "accuracy": 0.8})
        return outcome

    return answer


def test_it_prints_a_dozen_lines_that_anyone_understands(
    command: Command,
    calls: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    calls("finetune", trains(outcome))
    result = command("finetune", "folder")
    assert result.exit_code == 0
    fits(result.stdout)
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert 8 <= len(lines) <= 14
    plan = " ".join(result.stdout.split("Right on")[0].split())
    assert "images 12 of 3 classes ([bold]cats[/bold], \\x1b[31mdogs, a\\nb): 6 train" in plan
    assert "note 1 of 13 images cannot be read: [x].png (1 more: --verbose)" in plan
    assert "tune the last 2 of 3 stages of mobilenet_v2 for 7 epochs" in plan
    assert "starting from a solved head, because" in plan
    assert "right on new images, in about 2 min on this machine" in plan
    assert "faster 12 s, " in plan and "expected, with --policy linear-head" in plan
    assert "Right on 9 of 10 images it had not seen (90.0%, 59.6 to 98.2)" in lines
    assert any("report.html" in line for line in lines)
    assert "tlearn predict PHOTO.jpg" in lines[-2] and "tlearn export --tflite" in lines[-1]
    assert "the solved head; a dip at first is normal" in result.stderr
    assert "epoch   1 of 7" in result.stderr and "val  90.0%" in result.stderr


def test_a_model_from_scratch_starts_from_no_head(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    plan = replace(outcome.plan, policy="from_scratch")
    calls("finetune", trains(replace(outcome, plan=plan, advice=None)))
    result = command("finetune", "folder")
    assert "solved head" not in result.stdout + result.stderr
    assert "from random weights" in result.stdout


def test_a_policy_that_was_asked_for_promises_no_accuracy(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    calls("finetune", trains(replace(outcome, advice=None)))
    shown = command("finetune", "folder").stdout
    assert "expected" not in shown and "time       about 2 min on this machine" in shown


def test_a_solved_head_offers_what_is_slower(
    command: Command,
    calls: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    assert outcome.advice is not None
    suggestion = replace(outcome.advice.suggestion, policy=Policy.LINEAR_HEAD, head_stages="2")
    plan = replace(
        outcome.plan,
        policy="linear_head",
        training=replace(outcome.plan.training, epochs=0, tuned_stages=0),
    )
    advice = replace(outcome.advice, suggestion=suggestion)
    calls("finetune", trains(replace(outcome, plan=plan, advice=advice, interpolation=None)))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert "solve a linear head on the features of mobilenet_v2" in " ".join(shown.split())
    assert "because tuning it is not expected to be better" in " ".join(shown.split())
    assert "better     2 min" in shown or "slower     2 min" in shown


def test_a_weaker_backbone_is_said_above_everything(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    plan = replace(
        outcome.plan,
        backbone=replace(outcome.plan.backbone, name="builtin"),
        reasons=outcome.plan.reasons | {"backbone": "13 points behind"},
    )
    calls("finetune", trains(replace(outcome, plan=plan)))
    first, second, *_ = command("finetune", "folder").stdout.strip().splitlines()
    assert first == "! 13 points behind"
    assert second == "  to fix: tlearn finetune folder --backbone mobilenet_v2"


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (0.9, "These images also chose how much of the tuning to keep: 90%."),
        (0.1, "how much of the tuning to keep: 10%; the rest is the solved head."),
    ],
)
def test_validation_images_that_chose_are_not_called_unseen(
    kept: float,
    words: str,
    command: Command,
    calls: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    only_val = {"val": outcome.reports["val"]}
    calls("finetune", trains(replace(outcome, reports=only_val, interpolation=kept)))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert "Right on 9 of 10 validation images (90.0%" in shown and words in " ".join(shown.split())


@pytest.mark.parametrize(("here", "named"), [(".", ""), ("elsewhere", " ")])
def test_the_next_commands_name_a_run_that_is_not_the_newest_here(
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
    calls("finetune", trains(outcome))
    name = named and f"{outcome.run.path} "
    assert f"tlearn export {name}--tflite " in command("finetune", "folder").stdout


def test_verbose_names_every_key_that_matters_and_who_set_it(
    command: Command,
    calls: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    calls("finetune", trains(outcome))
    shown = command("finetune", "folder", "--verbose").stdout
    fits(shown)
    missing = {key for key in Recipe.model_fields if key not in shown}
    assert missing == {"momentum"}  # adam has none
    rows = {line.split()[0]: line for line in shown.splitlines() if line.split()}
    assert rows["epochs"].split()[1:] == ["7", "flag"]
    assert rows["policy"].split()[1] == "top-stages"
    assert rows["optimizer"].split()[1:] == ["adam", "top_stages.yaml"]
    assert "auto:" in rows["batch_size"]
    stages = {line.split()[1]: line for line in shown.splitlines() if line.startswith("  stage ")}
    assert stages["1"].split()[-1] == "frozen" and "e-4" in stages["3"]
    assert "solved, then" in shown and "3 classes have" in shown
    assert "90% of the way from the solved head" in shown and "train 1 min 1 s" in shown


def test_verbose_leaves_out_what_a_solved_head_has_no_use_for(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    training = replace(outcome.plan.training, epochs=0)
    plan = replace(outcome.plan, policy="linear_head", training=training)
    calls("finetune", trains(replace(outcome, plan=plan)))
    shown = command("finetune", "folder", "--verbose").stdout
    keys = {line.split()[0] for line in shown.splitlines() if line[2:3].strip()}
    assert not keys & {"optimizer", "schedule", "epochs", "batch_size", "batch_norm"}
    assert "solved_head_l2" in shown and "patience" not in shown


def test_flags_become_recipe_keys_and_the_rest_is_left_out(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    recorded = calls("finetune", trains(outcome))
    words = (
        "--policy deep --augment light --weights w.h5 --no-horizontal-flip --class-weights --strict"
    )
    rates = "--learning-rate 1e-4 --set patience=3 --set clip-norm=1e-3"
    command("finetune", "folder", "--recipe", "mine.yaml", *words.split(), *rates.split())
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
    }
    assert positional[2].keys() <= set(Recipe.model_fields)
    assert named["overwrite"] is named["dry_run"] is False and named["keep_cache"] is True


def test_a_key_set_by_a_flag_and_by_set_is_refused(command: Command) -> None:
    result = command("finetune", "folder", "--epochs", 3, "--set", "epochs=4")
    assert result.exit_code == 2 and "epochs is set by a flag" in result.stderr


def test_json_holds_the_keys_that_others_rely_on(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    calls("finetune", trains(outcome))
    result = command("finetune", "folder", "--json", "--quiet")
    document = json.loads(result.stdout)
    assert document.keys() >= KEYS and not result.stderr
    assert document["val_accuracy"] == document["test_accuracy"] == 0.9
    assert document["seconds"] == 65.2 and "total" not in document["timings"]
    assert document["forecast_seconds"] == 131
    assert document["plan"].keys() == {field.name for field in fields(outcome.plan)}


def test_with_json_epochs_are_shown_on_stderr(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    calls("finetune", trains(outcome))
    result = command("finetune", "folder", "--json")
    assert json.loads(result.stdout)["policy"] == "top_stages" and "epoch" in result.stderr


@pytest.mark.parametrize("split", ["val", "test"])
def test_a_split_that_is_missing_is_null_and_said(
    split: str, command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    reports = {name: report for name, report in outcome.reports.items() if name != split}
    calls("finetune", trains(replace(outcome, reports=reports)))
    assert json.loads(command("finetune", "f", "--json").stdout)[f"{split}_accuracy"] is None
    assert f"no {split} split" in command("finetune", "f", "--verbose").stdout


def test_a_dry_run_ends_with_a_forecast(
    command: Command, calls: Callable[..., Any], planned: api.FinetuneResult
) -> None:
    calls("finetune", trains(planned))
    shown = command("finetune", "folder", "--dry-run").stdout
    assert "Estimated time: about 2 min (dry run; nothing was trained)" in shown
    document = json.loads(command("finetune", "folder", "--dry-run", "--json").stdout)
    assert document["run"] is None and document["forecast_seconds"] == 131


def test_a_run_elsewhere_is_named_in_the_next_command(
    command: Command, calls: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    assert outcome.run is not None
    away = replace(outcome, run=replace(outcome.run, path=Path("my run")))
    calls("finetune", trains(away))
    last = command("finetune", "folder").stdout.splitlines()[-1]
    assert "tlearn export 'my run' --tflite" in last
