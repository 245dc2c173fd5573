"""Flags, the document, and the command that follows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.cli.conftest import Command
from tlearn import api
from tlearn.cli.suggest import next_command
from tlearn.suggestion.matrix import Evidence, Policy, textbook_policy

KEYS = {"policy", "size", "similarity", "reasons", "n_train", "n_classes"}


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


def test_that_nothing_could_be_tried_is_said(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", advice)
    assert "! nothing was tried: " in command("suggest", "folder", "--try", "5m").stdout
    assert "nothing was tried" not in command("suggest", "folder").stdout


def test_the_next_command_is_quoted_for_a_shell() -> None:
    deep = replace(textbook_policy(Evidence(400, 4, 0.1)), policy=Policy.DEEP)
    line = next_command(Path("a b"), deep, {"image_size": 96, "weights": "$x.h5"}, None)
    assert line == "tlearn finetune 'a b' --policy deep --image-size 96 --weights '$x.h5'"
    cut = replace(deep, policy=Policy.LINEAR_HEAD, head_stages="2,4")
    line = next_command(Path("a"), cut, {}, None)
    assert line == "tlearn finetune a --policy linear-head --set head_stages=2,4"
    assert next_command(Path("a"), cut, {}, Path("b c")) == "tlearn finetune a --recipe 'b c'"
