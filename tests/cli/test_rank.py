"""A ranking as a table and a document, and the command that follows it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tlearn.commands.rank import ALL, RankedBackbone, RankResult
from tlearn.data.dataset import Dataset
from tlearn.features.head import CrossValidation
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.int8_cost import Int8Cost


@pytest.fixture
def ranking() -> list[RankedBackbone]:
    """The second is nearly as good, smaller, and has a long name of somebody's own."""
    answers = CrossValidation(1.0, np.full((6, 3), 1 / 3), 0.9, (0.9, 0.9))
    best = RankedBackbone("mobilenet_v2", 224, HeadScore((3, 4, 5), answers), 14_200_000, 4.2, "")
    own = "/home/[bold]me/models/of_last_year/a_network_of_my_own.keras"
    cost = Int8Cost(400, 0.9, 0.123, 0.011)
    second = replace(best, name=own, size_bytes=900_000, milliseconds=1234.5, int8_note="check")
    return [best, replace(second, gap_to_best=(0.123, 0.124), int8=cost)]


def test_a_ranking_fits_and_its_next_command_keeps_the_flags(
    command: Command,
    calls: Callable[..., Any],
    dataset: Dataset,
    ranking: list[RankedBackbone],
    fits: Callable[[str], None],
) -> None:
    recorded = calls("rank", RankResult(dataset, tuple(ranking)))
    words = ["rank", "folder", "--backbones", "a,b", "--image-size", 96, "--seed", 3]
    shown = command(*words).stdout
    fits(shown)
    rows = [line.split() for line in shown.splitlines()]
    assert any(row[1:5] == ["224", "90.0%", "12.3", "(12.4)"] and "tie" in row for row in rows)
    assert any(row[-2:] == ["-12.3", "!"] for row in rows) and "[bold]" in shown
    assert "2 backbones cannot be told apart" in shown and "\nmobilenet_v2 " in shown
    flags = ["--backbone", ranking[1].name, "--image-size", "96", "--seed", "3"]
    after = shlex.split(shown.splitlines()[-1].removeprefix("next"))
    assert after == ["tlearn", "suggest", "folder", *flags]
    document = json.loads(command(*words, "--json").stdout)
    assert shlex.split(document["next"]) == after
    assert (document["folds"], document["seed"]) == (2, 7)
    assert "2-fold cross-validation, seed 7" in shown
    assert [ranked["ties"] for ranked in document["backbones"]] == [True, True]
    assert recorded[0][0][1] == ["a", "b"]
    assert recorded[0][1]["flags"] == {"image_size": 96, "seed": 3}


def test_by_default_all_that_are_here_are_ranked(
    command: Command, calls: Callable[..., Any], dataset: Dataset, ranking: list[RankedBackbone]
) -> None:
    recorded = calls("rank", RankResult(dataset, tuple(ranking[:1])))
    shown = command("rank", "folder", "--max-size", "4MB", "--for", "tflite").stdout
    assert "nothing to compare it with" in shown
    assert recorded[0][0][1] == [ALL] and recorded[0][1]["max_bytes"] == 4e6
    assert recorded[0][1]["measure_int8"] is True and "cannot be told apart" not in shown


def test_suggest_hands_over_what_was_its_own(
    command: Command, calls: Callable[..., Any], dataset: Dataset, ranking: list[RankedBackbone]
) -> None:
    calls("rank", RankResult(dataset, tuple(ranking)))
    result = command("suggest", "folder", "--backbones", "a,b")
    assert result.exit_code == 0 and "cannot be told apart" in result.stdout
    assert result.stderr == "note: 'tlearn suggest' hands this over to 'tlearn rank'\n"
    assert not command("suggest", "folder", "--backbones=a", "--quiet").stderr


def test_no_names_and_one_backbone_for_all_are_refused(command: Command) -> None:
    none = command("rank", "folder", "--backbones", " , ")
    assert none.exit_code == 2 and "names none" in none.stderr
    one = command("rank", "folder", "--backbone", "builtin")
    assert one.exit_code == 2 and "did you mean --backbones?" in one.stderr
