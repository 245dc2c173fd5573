"""Advice in sentences, and the choices that follow from it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn import api
from tlearn.cli.advice_text import finetune_command, reconciliation, summary, why


def test_it_ends_in_sentences_and_choices(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    calls("suggest", advice)
    shown = command("suggest", "folder", "--seed", 3).stdout
    fits(shown)
    end = " ".join(shown.split("In short")[1].split())
    assert "6 training images, 2 per class, which counts as little data" in end
    assert "textbooks advise top-stages" in end and "right on 77% of new images" in end
    assert "Twice as many images would add about 5.6 points to a linear head" in end
    assert "Why they differ: the depth profile (best: stages 2,3)" in end
    assert end.startswith("There are too few images to tell ways to train apart: collect more.")
    assert "linear-head, the cheap way, is as good a choice" in end
    commands = [
        shlex.split(line) for line in shown.splitlines() if line.startswith("    tlearn finetune")
    ]
    assert len(commands) >= 2 and all(line[-2:] == ["--seed", "3"] for line in commands)
    roles = [line.split(":")[0].strip() for line in shown.splitlines() if " s, " in line]
    assert "fast" in roles


def test_where_all_point_the_same_way_nothing_is_reconciled(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", replace(advice, suggestion=replace(advice.suggestion, head_stages="2,3")))
    assert "Why they differ" not in command("suggest", "folder").stdout


def test_tuning_is_not_weighed_where_it_is_excluded(advice: api.Advice) -> None:
    assert "weighs what tuning usually adds and how" in reconciliation(advice)
    heads = tuple(option for option in advice.options if option.measured)
    assert "the advice also weighs how uncertain" in reconciliation(replace(advice, options=heads))


def test_that_more_images_do_not_help_is_not_said_where_nothing_can_be_told(
    advice: api.Advice,
) -> None:
    assert advice.advised is not None and advice.curve is not None
    flat = replace(advice, curve=replace(advice.curve, error=1.0))
    assert "would help a linear head cannot be told" in summary(flat)
    sure = replace(advice.advised, low=0.75, high=0.8)
    assert "More images would hardly help" in summary(replace(flat, options=(sure,)))


def test_what_trials_found_is_said_whatever_is_advised(advice: api.Advice) -> None:
    assert "trial" not in summary(advice)
    head, tuned = advice.option("linear_head", "2"), advice.option("deep", "2")
    assert head is not None and tuned is not None
    tried = replace(tuned, tried=0.9, tried_head=0.8)
    found = summary(replace(advice, options=(head, tried)))
    assert "In a trial, deep on stage 2 was right on 90% (the head it began with: 80%) of" in found


@pytest.mark.parametrize(
    ("gain", "words"),
    [
        (0.02, "2.0 points better than a solved head alone"),
        (0.001, "at least as accurate as a solved head alone (0.1 points more is within chance)"),
        (0.0, "about as accurate as a solved head alone"),
        (-0.004, "about as accurate as a solved head alone (0.4 points less is within chance)"),
    ],
)
def test_a_gain_within_chance_is_not_called_better(
    gain: float, words: str, advice: api.Advice
) -> None:
    head, tuned = advice.option("linear_head", "2"), advice.option("deep", "2")
    assert head is not None and tuned is not None
    tuned = replace(tuned, accuracy=head.accuracy + gain, low=0.8, high=1.0)
    suggestion = replace(advice.suggestion, policy=tuned.policy, head_stages="2")
    advice = replace(advice, options=(head, tuned), suggestion=suggestion)
    assert why(advice, tuned) == f"because that is expected to be {words}"
    compared = words.replace("a solved head alone", "the best head")
    assert f"The advice is deep on stage 2, expected to be {compared}: " in summary(advice)


@pytest.mark.parametrize(
    ("gain", "doubt", "words"),
    [
        (-0.02, 0.0, "tuning is not expected to be better"),
        (0.02, 0.05, "the gain expected of tuning is within chance"),
        (0.02, 0.0, "a smaller network or a shorter training was preferred"),
    ],
)
def test_no_forecast_contradicts_the_reason_for_a_solved_head(
    gain: float, doubt: float, words: str, advice: api.Advice
) -> None:
    head, tuned = advice.option("linear_head", "last"), advice.option("deep", "last")
    assert head is not None and tuned is not None
    tuned = replace(tuned, accuracy=head.accuracy + gain, doubt=doubt)
    assert why(replace(advice, options=(head, tuned)), head) == f"because {words}"
    excluded = why(replace(advice, options=(head,)), head)
    assert excluded == "because what was asked for, or the backbone, excludes tuning"
    slow = why(replace(advice, options=(head,), too_slow=(tuned,)), head)
    assert slow == "because tuning takes longer than the time given"


def test_a_weaker_backbone_is_announced_first(
    command: Command,
    calls: Callable[..., Any],
    advice: api.Advice,
    fits: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/tlearn", "suggest", "my folder", "--seed", "3"])
    reason = "no weights; the built-in backbone is 13 points behind"
    calls("suggest", replace(advice, backbone="builtin", backbone_reason=reason))
    shown = command("suggest", "my folder").stdout
    fits(shown)
    first, second, third, *_ = shown.strip().splitlines()
    assert first == f"! {reason}"
    assert second == "  once online: tlearn suggest 'my folder' --seed 3"
    assert "--weights FILE" in third and "TLEARN_WEIGHTS" in third
    calls("suggest", replace(advice, backbone="builtin"))  # it was asked for
    assert "once online" not in command("suggest", "folder").stdout


def test_of_very_few_images_no_curve_is_claimed(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    assert advice.curve is not None
    calls("suggest", replace(advice, curve=replace(advice.curve, drawn=False)))
    shown = command("suggest", "folder").stdout
    fits(shown)
    assert "too few images per class to estimate" in " ".join(shown.split())
    assert json.loads(command("suggest", "f", "--json").stdout)["more_images"]["helps"] is None


def test_a_command_names_a_folder_as_a_shell_takes_it() -> None:
    assert finetune_command("my images", ["--policy", "deep"], {"resize": "pad"}) == (
        "tlearn finetune 'my images' --policy deep --resize pad"
    )
    assert finetune_command("-data", [], {}) == "tlearn finetune ./-data"
