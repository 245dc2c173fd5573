"""What is shown before and after training: a dozen lines in words."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn import api
from tlearn.data.inspection import DataIssue
from tlearn.suggestion.matrix import Policy


def test_it_prints_a_dozen_lines_that_anyone_understands(
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    finetunes(outcome)
    result = command("finetune", "folder")
    assert result.exit_code == 0
    fits(result.stdout)
    lines = [line for line in result.stdout.splitlines() if line.strip()]
    assert 8 <= len(lines) <= 16
    assert "tlearn try" in result.stdout
    plan = " ".join(result.stdout.split("Right on")[0].split())
    assert "images 12 of 3 classes ([bold]cats[/bold], \\x1b[31mdogs, a\\nb): 6 train" in plan
    assert "! 1 of 13 images cannot be read: [x].png 1 more note on the images: --verbose" in plan
    assert "tune the last 2 of 3 stages of mobilenet_v2 for 7 epochs" in plan
    assert "starting from a solved head" in plan
    assert "right on new images (90% interval: " in plan
    assert "): too few images to tell, in about 2 min on this machine" in plan
    assert "faster 12 s, " in plan and "expected, with --policy linear-head" in plan
    assert "Right on 9 of 10 images it had not seen (90.0%; 95% interval 59.6 to 98.2)" in lines
    assert any("report.html" in line for line in lines)
    assert "tlearn predict PHOTO.jpg" in lines[-2] and "tlearn export --tflite" in lines[-1]
    assert "the solved head; a dip at first is normal" in result.stderr
    assert "epoch   1 of 7" in result.stderr and "val  90.0%" in result.stderr


def test_a_time_that_nothing_fits_into_is_named(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    for seconds, said in ((200.0, False), (60.0, True)):
        training = replace(outcome.plan.training, seconds=seconds)
        finetunes(replace(outcome, plan=replace(outcome.plan, training=training)))
        shown = " ".join(command("finetune", "folder").stdout.split())
        assert ("about 2 min on this machine, longer than the 1 min given" in shown) is said


def test_a_model_from_scratch_starts_from_no_head(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    plan = replace(outcome.plan, policy="from_scratch")
    finetunes(replace(outcome, plan=plan, advice=None))
    result = command("finetune", "folder")
    assert "solved head" not in result.stdout + result.stderr
    assert "from random weights" in result.stdout


def test_a_policy_that_was_asked_for_has_no_forecast_of_accuracy(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    finetunes(replace(outcome, advice=None))
    shown = command("finetune", "folder").stdout
    assert "expected" not in shown and "time       about 2 min on this machine" in shown


def test_a_solved_head_offers_what_is_slower(
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    assert outcome.advice is not None
    suggestion = replace(outcome.advice.suggestion, policy=Policy.LINEAR_HEAD, head_stages="2")
    plan = replace(
        outcome.plan,
        policy="linear_head",
        head=replace(outcome.plan.head, stages=(2,)),
        training=replace(outcome.plan.training, epochs=0, tuned_stages=0),
    )
    worse = [
        option if option.measured else replace(option, accuracy=option.accuracy - 0.1)
        for option in outcome.advice.options
    ]
    advice = replace(outcome.advice, suggestion=suggestion, options=worse)
    finetunes(replace(outcome, plan=plan, advice=advice, interpolation=None))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert "solve a linear head on the features of mobilenet_v2" in " ".join(shown.split())
    assert "because tuning is not expected to be better" in " ".join(shown.split())
    assert "slower     2 min" in shown and "better" not in shown.replace("be better", "")


def test_a_plan_of_other_stages_quotes_its_own_forecast_or_none(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    assert outcome.advice is not None
    forecast = outcome.advice.option("top_stages", "2")
    assert forecast is not None

    def shown(**changes: Any) -> str:
        finetunes(replace(outcome, plan=replace(outcome.plan, **changes)))
        return " ".join(command("finetune", "folder", "--dry-run").stdout.split())

    own = shown(head=replace(outcome.plan.head, stages=(2,)))
    assert f"expected {100 * forecast.accuracy:.0f}% right on new images" in own
    unknown = shown(head=replace(outcome.plan.head, stages=(1, 3)))
    assert "expected" not in unknown and "because" not in unknown and "time about 2 min" in unknown
    reasons = {key: why for key, why in outcome.plan.reasons.items() if key != "tuned_stages"}
    assert "right on new images" not in shown(reasons=reasons)


def test_every_warning_is_said_in_whole_and_notes_are_counted(
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    kinds = {
        "duplicate": "Copies.",
        "no_class": "1 folder became no class: 'scans'.",
        "leak": "1 image is in train and test.",
        "tiny": "Small.",
    }
    issues = [DataIssue(kind, "warning", text, ()) for kind, text in kinds.items()]
    issues += [
        DataIssue("rotated", "note", "Turned.", ()),
        DataIssue("merged", "note", "Part.", ()),
    ]
    finetunes(replace(outcome, dataset=replace(outcome.dataset, issues=tuple(issues))))
    shown = command("finetune", "folder", "--dry-run").stdout
    fits(shown)
    assert "Worth knowing about the images\n" in shown
    for text in (*kinds.values(), "Part.", "1 more note on the images: --verbose"):
        assert text in shown
    assert "Turned" not in shown


@pytest.mark.parametrize(
    ("epochs", "sentence"),
    [
        (0, "solve a linear head on stage 2 of mobilenet_v2, which stays as it is"),
        (3, "which stays as it is, then train the head for 3 epochs"),
    ],
)
def test_the_stage_that_a_head_reads_is_named(
    epochs: int,
    sentence: str,
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
) -> None:
    plan = replace(
        outcome.plan,
        policy="linear_head",
        head=replace(outcome.plan.head, stages=(2,)),
        training=replace(outcome.plan.training, epochs=epochs),
        reasons={},
    )
    finetunes(replace(outcome, plan=plan, advice=None))
    assert sentence in " ".join(command("finetune", "folder", "--dry-run").stdout.split())


def test_a_weaker_backbone_is_announced_first(
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = replace(
        outcome.plan,
        backbone=replace(outcome.plan.backbone, name="builtin"),
        reasons=outcome.plan.reasons | {"backbone": "13 points behind"},
    )
    finetunes(replace(outcome, plan=plan))
    monkeypatch.setattr("sys.argv", ["tlearn", "finetune", "my folder", "--no-horizontal-flip"])
    first, second, *_ = command("finetune", "folder").stdout.strip().splitlines()
    assert first == "! 13 points behind"
    assert second == "  once online: tlearn finetune 'my folder' --no-horizontal-flip"


@pytest.mark.parametrize(
    ("kept", "words"),
    [
        (0.9, "These images also chose how much of the tuning to keep. run"),
        (0.1, "tuning to keep. Only 10% of the change made by tuning was kept: on the validation"),
    ],
)
def test_validation_images_that_chose_are_not_called_unseen(
    kept: float,
    words: str,
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    only_val = {"val": outcome.reports["val"]}
    finetunes(replace(outcome, reports=only_val, interpolation=kept))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert "Right on 9 of 10 validation images (90.0%" in shown and words in " ".join(shown.split())


def test_a_score_below_the_forecast_and_a_tuning_in_vain_are_said(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    assert outcome.advice is not None and outcome.option is not None

    def shown(low: float, head: float) -> str:
        options = [replace(option, low=low) for option in outcome.advice.options]
        history = ({"epoch": 0, "epochs": 7, "val_accuracy": head}, *outcome.history)
        advice = replace(outcome.advice, options=options)
        finetunes(replace(outcome, advice=advice, history=history))
        return " ".join(command("finetune", "folder").stdout.split())

    as_hoped = shown(low=0.5, head=0.8)
    assert "below the forecast" not in as_hoped and "brought nothing" not in as_hoped
    assert "That is below the forecast (95 to " in shown(low=0.95, head=0.8)
    assert (
        "Tuning brought nothing: the head it began with was right on 90.0% of the validation "
        "images, the tuned model on 90.0%." in shown(low=0.5, head=0.9)
    )


def test_settings_of_ones_own_have_no_forecast_of_accuracy(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    finetunes(replace(outcome, unusual_keys=("epochs", "optimizer")))
    shown = " ".join(command("finetune", "folder", "--dry-run").stdout.split())
    assert "no forecast of accuracy with epochs and optimizer set by hand, in about 2 min" in shown
    assert "because" not in shown


def test_what_went_wrong_in_training_is_said_below_the_score(
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    warning = "Tuning made the model worse. Try a lower learning rate (--learning-rate 0.001)."
    finetunes(replace(outcome, interpolation=0.0, warnings=(warning,)))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert f"59.6 to 98.2) ! {warning} run" in " ".join(shown.split())
    assert "Of the tuning" not in shown  # which the warning says better
    document = json.loads(command("finetune", "folder", "--json").stdout)
    assert document["warnings"] == [warning]


@pytest.mark.parametrize(("here", "named"), [(".", ""), ("elsewhere", " ")])
def test_the_next_commands_name_a_run_that_is_not_the_newest_here(
    here: str,
    named: str,
    command: Command,
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert outcome.run is not None
    (tmp_path / here).mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / here)
    finetunes(outcome)
    name = named and f"{outcome.run.path} "
    assert f"tlearn export {name}--tflite" in command("finetune", "folder").stdout


def test_a_run_elsewhere_is_named_in_the_next_command(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    assert outcome.run is not None
    away = replace(outcome, run=replace(outcome.run, path=Path("my run")))
    finetunes(away)
    printed = command("finetune", "folder").stdout
    assert "tlearn try" not in printed  # which would take another run
    last = printed.splitlines()[-1]
    assert "tlearn export 'my run' --tflite" in last


def test_a_run_that_goes_on_says_from_where(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    finetunes(replace(outcome, resumed_from_epoch=3))
    assert "resumed    3 epochs of 7 were completed before" in command("finetune", "x").stdout
    assert json.loads(command("finetune", "x", "--json").stdout)["resumed_from_epoch"] == 3
    finetunes(outcome)
    assert json.loads(command("finetune", "x", "--json").stdout)["resumed_from_epoch"] is None


def test_images_that_are_not_flipped_are_told_with_the_reason(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    images = replace(outcome.plan.images, horizontal_flip=False)
    plan = replace(outcome.plan, images=images, reasons={"horizontal_flip": "direction matters"})
    finetunes(replace(outcome, plan=plan))
    assert "flips off: direction matters" in " ".join(command("finetune", "folder").stdout.split())
