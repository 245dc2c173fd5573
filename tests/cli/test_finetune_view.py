"""What is shown before and after training: a dozen lines in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn import api
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
        training=replace(outcome.plan.training, epochs=0, tuned_stages=0),
    )
    advice = replace(outcome.advice, suggestion=suggestion)
    finetunes(replace(outcome, plan=plan, advice=advice, interpolation=None))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert "solve a linear head on the features of mobilenet_v2" in " ".join(shown.split())
    assert "because tuning it is not expected to be better" in " ".join(shown.split())
    assert "better     2 min" in shown or "slower     2 min" in shown


def test_a_weaker_backbone_is_announced_first(
    command: Command, finetunes: Callable[..., Any], outcome: api.FinetuneResult
) -> None:
    plan = replace(
        outcome.plan,
        backbone=replace(outcome.plan.backbone, name="builtin"),
        reasons=outcome.plan.reasons | {"backbone": "13 points behind"},
    )
    finetunes(replace(outcome, plan=plan))
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
    finetunes: Callable[..., Any],
    outcome: api.FinetuneResult,
    fits: Callable[[str], None],
) -> None:
    only_val = {"val": outcome.reports["val"]}
    finetunes(replace(outcome, reports=only_val, interpolation=kept))
    shown = command("finetune", "folder").stdout
    fits(shown)
    assert "Right on 9 of 10 validation images (90.0%" in shown and words in " ".join(shown.split())


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
    last = command("finetune", "folder").stdout.splitlines()[-1]
    assert "tlearn export 'my run' --tflite" in last
