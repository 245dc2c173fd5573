"""Advice in sentences, and the choices that follow from it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.cli.conftest import Command
from tlearn import api
from tlearn.cli.advice_text import finetune_command


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


def test_a_weaker_backbone_is_announced_first(
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
