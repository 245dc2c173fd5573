"""The matrix, the measurements, what they mean, and the commands that follow."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tlearn import api
from tlearn.cli.suggest import next_command
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.matrix import Evidence, Policy, textbook_policy

Command = Callable[..., Result]
KEYS = {"policy", "size", "similarity", "reasons", "n_train", "n_classes"}


def test_it_draws_matrix_and_measurements(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    calls("suggest", advice, [("read images", 1, 2), ("read images", 2, 2)])
    result = command("suggest", "folder", "--verbose")
    assert result.exit_code == 0
    fits(result.stdout)
    marked = [line for line in result.stdout.splitlines() if "▶" in line]
    assert len(marked) == 2  # in the matrix, and among the ways to train
    assert marked[0].index("▶") > marked[0].index("linear-head")  # the column "unlike"
    assert "stage 2" in result.stdout and "90.0%" in result.stdout
    assert "notes.txt" in result.stdout and "1 of 13 images" in result.stdout
    assert "2-fold cross-validation, seed 7" in result.stdout  # for a statistician
    assert "90% interval" in result.stdout and "little data" in result.stdout
    (best,) = (line for line in result.stdout.splitlines() if "◀ best" in line)
    assert best.split()[:3] == ["stages", "2,3", "█" * 28 + "▌"]
    (guess,) = (line for line in result.stdout.splitlines() if line.split()[:1] == ["guessing"])
    assert "33.3%" in guess
    rows = [row.split()[:2] for row in result.stdout.splitlines()]
    assert ["linear-head", "2"] in rows and "tabby 60%" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("tlearn finetune folder --policy top-stages")
    assert "read images" in result.stderr and "read images" not in result.stdout


def test_it_ends_in_sentences_and_choices(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    calls("suggest", advice)
    shown = command("suggest", "folder", "--seed", 3).stdout
    fits(shown)
    end = " ".join(shown.split("In short")[1].split())
    assert "6 training images, 2 per class, which is little data" in end
    assert "textbooks advise top-stages" in end and "right on 81% of images" in end
    assert "Twice as many images would add about 5.6 points to a linear head" in end
    assert "Why they differ: the depth profile (best: stages 2,3)" in end
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


def test_a_weaker_backbone_is_said_above_everything(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    reason = "no weights; the built-in backbone is 13 points behind"
    calls("suggest", replace(advice, backbone="builtin", backbone_reason=reason))
    shown = command("suggest", "my folder").stdout
    fits(shown)
    first, second, *_ = shown.strip().splitlines()
    assert first == f"! {reason}"
    assert second == "  to fix: tlearn suggest 'my folder' --backbone mobilenet_v2"
    calls("suggest", replace(advice, backbone="builtin"))  # it was asked for
    assert "to fix" not in command("suggest", "folder").stdout


def test_names_are_shown_as_plain_text(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", advice)
    shown = command("suggest", "folder").stdout
    assert "[bold]cats[/bold]" in shown and "\\x1b[31mdogs" in shown and "a\\nb" in shown


def test_json_holds_the_keys_that_others_rely_on(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", advice, [("read images", 2, 2)])
    result = command("suggest", "folder", "--json")
    document = json.loads(result.stdout)
    assert document.keys() >= KEYS and not result.stderr
    assert document["policy"] == "top_stages" and document["similarity"] == "different"
    assert document["profile"]["stage 2"] == 0.9 and document["head_accuracy"] == 0.81
    assert (document["folds"], document["seed"], document["coverage"]) == (2, 7, 0.9)
    assert document["issues"][0]["kind"] == document["findings"][0]["kind"] == "unreadable"
    assert [way["head_stages"] for way in document["options"]] == [
        *("2", "last", "2", "last", "2", "last")
    ]
    assert document["more_images"]["helps"] and document["nearest"]
    assert "advised" in {choice["role"] for choice in document["choices"]}


def test_of_very_few_images_no_curve_is_claimed(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    assert advice.curve is not None
    calls("suggest", replace(advice, curve=replace(advice.curve, drawn=False)))
    shown = command("suggest", "folder").stdout
    fits(shown)
    assert "too few images per class to estimate" in " ".join(shown.split())
    assert json.loads(command("suggest", "f", "--json").stdout)["more_images"]["helps"] is None


@pytest.mark.parametrize(
    ("drop", "words"), [(0.02, "costs 2.0 points"), (-0.01, "gains 1.0 point")]
)
def test_int8_costs_or_gains(
    drop: float,
    words: str,
    command: Command,
    calls: Callable[..., Any],
    advice: api.Advice,
    fits: Callable[[str], None],
) -> None:
    calls("suggest", replace(advice, int8=Int8Cost(400, 0.9, drop, 0.011)))
    shown = command("suggest", "folder", "--for", "tflite").stdout
    fits(shown)
    assert words in shown and ("prefer --quantize dynamic" in shown) is (drop > 0)


def test_flags_reach_the_api_and_the_next_command(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    recorded = calls("suggest", advice)
    words = ["--backbone", "mobilenet-v2", "--weights", "my weights.h5", "--seed", "3"]
    result = command("suggest", "my folder", "--no-cache", *words)
    (positional, named) = recorded[0]
    assert positional == (Path("my folder"),) and named["keep_cache"] is False
    overrides = {"backbone": "mobilenet-v2", "weights": "my weights.h5", "seed": 3}
    assert named["flags"] == overrides
    after = shlex.split(result.stdout.splitlines()[-1].removeprefix("next"))
    assert after == ["tlearn", "finetune", "my folder", "--policy", "top-stages", *words]


def test_time_for_trials_and_a_preference_for_small_exclude_each_other(command: Command) -> None:
    result = command("suggest", "folder", "--prefer", "small", "--try", "5m")
    assert result.exit_code == 2 and "choose one: tlearn suggest folder --try 5m" in result.stderr


def test_the_next_command_is_quoted_for_a_shell() -> None:
    deep = replace(textbook_policy(Evidence(400, 4, 0.1)), policy=Policy.DEEP)
    line = next_command(Path("a b"), deep, {"image_size": 96, "weights": "$x.h5"}, None)
    assert line == "tlearn finetune 'a b' --policy deep --image-size 96 --weights '$x.h5'"
    cut = replace(deep, policy=Policy.LINEAR_HEAD, head_stages="2,4")
    line = next_command(Path("a"), cut, {}, None)
    assert line == "tlearn finetune a --policy linear-head --set head_stages=2,4"
    assert next_command(Path("a"), cut, {}, Path("b c")) == "tlearn finetune a --recipe 'b c'"
