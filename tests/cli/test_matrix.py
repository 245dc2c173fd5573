"""The matrix without images: its cell, its words, and what has to be given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.cli.conftest import Command


def test_a_cell_is_lit_and_explained(command: Command, fits: Callable[[str], None]) -> None:
    result = command("matrix", "--images", 20, "--classes", 5, "--similar")
    assert result.exit_code == 0 and "▶ linear-head" in result.stdout
    fits(result.stdout)
    assert "20 training images, 4 per class, which counts as little data" in " ".join(
        result.stdout.split()
    )
    assert "tlearn suggest FOLDER" in result.stdout
    assert "tlearn finetune FOLDER --policy linear-head" in result.stdout
    far = command("matrix", "--images", 90_000, "--classes", 5, "--different", "--json")
    document = json.loads(far.stdout)
    assert document["policy"] == "deep" and document["head_accuracy"] is None


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--json"], "missing --images and --classes and --similar or --different"),
        (["--images", 400], "--classes and --similar or --different"),
        (["--images", 400, "--classes", 5], "missing --similar or --different"),
        (["--images", 3, "--classes", 5, "--similar"], "cannot fill"),
        (["folder", "--similar"], "'folder' was given"),
        (["--images", 0, "--classes", 5, "--similar"], "--images"),
    ],
)
def test_half_a_description_is_refused(words: list[Any], error: str, command: Command) -> None:
    result = command("matrix", *words)
    assert result.exit_code == 2
    assert error in result.stderr + result.stdout


def test_without_a_description_no_cell_is_marked(
    command: Command, fits: Callable[[str], None]
) -> None:
    result = command("matrix")
    assert result.exit_code == 0
    fits(result.stdout)
    assert "you are here" not in result.stdout and "top-stages" in result.stdout
    assert "under 100 images" in result.stdout and "or 10 per class" in result.stdout


def test_like_and_unlike_are_other_words_for_similar_and_different(command: Command) -> None:
    words = ("matrix", "--images", 20, "--classes", 5)
    for word, synonym in (("--similar", "--like"), ("--different", "--unlike")):
        assert command(*words, word).stdout == command(*words, synonym).stdout != ""


def test_suggest_hands_over_what_was_its_own(command: Command) -> None:
    words = ("--images", 20, "--classes", 5, "--similar")
    result = command("suggest", *words)
    assert result.stdout == command("matrix", *words).stdout
    assert result.stderr == "note: 'tlearn suggest' hands this over to 'tlearn matrix'\n"
    assert json.loads(command("suggest", *words, "--json").stdout)["policy"] == "linear_head"
