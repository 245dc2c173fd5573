"""The matrix, the measurements and the command that follows."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import Result

from tlearn import api
from tlearn.cli.suggest import next_command
from tlearn.commands.rank import RankedBackbone
from tlearn.data.dataset import Dataset
from tlearn.features.linear_head import CrossValidation
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.matrix import Evidence, Policy, textbook_policy

Command = Callable[..., Result]
KEYS = {"policy", "size", "similarity", "reasons", "n_train", "n_classes"}


def test_it_draws_matrix_measurements_and_advice(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    calls("suggest", advice, [("read pictures", 1, 2), ("read pictures", 2, 2)])
    result = command("suggest", "folder")
    assert result.exit_code == 0
    fits(result.stdout)
    marked = [line for line in result.stdout.splitlines() if "▶" in line]
    assert len(marked) == 2  # in the matrix, and among the ways to train
    assert marked[0].index("▶") > marked[0].index("linear_head")  # the column "unlike"
    assert "stage 2" in result.stdout and "90.0 %" in result.stdout
    assert "notes.txt" in result.stdout and "1 of 13 pictures" in result.stdout
    assert "cross-validated in 2 folds, seed 7" in result.stdout  # for a statistician
    assert "90 % interval" in result.stdout
    (best,) = (line for line in result.stdout.splitlines() if "best" in line)
    assert best.split()[:3] == ["stages", "2,3", "█" * 28 + "▌"]
    (guess,) = (line for line in result.stdout.splitlines() if line.split()[:1] == ["guessing"])
    assert "33.3 %" in guess
    assert "Advice: top-stages" in result.stdout
    rows = [row.split()[:2] for row in result.stdout.splitlines()]
    assert ["linear_head", "2"] in rows and "tabby 60 %" in result.stdout
    assert "twice as many would bring a linear head about 5.6 points" in result.stdout
    assert result.stdout.splitlines()[-1].endswith("tlearn finetune folder --policy top_stages")
    assert "read pictures" in result.stderr and "read pictures" not in result.stdout


def test_names_are_shown_inert(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", advice)
    shown = command("suggest", "folder").stdout
    assert "[bold]cats[/bold]" in shown and "\\x1b[31mdogs" in shown and "a\\nb" in shown


def test_json_holds_the_keys_that_others_rely_on(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    calls("suggest", advice, [("read pictures", 2, 2)])
    result = command("suggest", "folder", "--json")
    document = json.loads(result.stdout)
    assert document.keys() >= KEYS and not result.stderr
    assert document["policy"] == "top_stages" and document["similarity"] == "different"
    assert document["profile"]["stage 2"] == 0.9 and document["head_accuracy"] == 0.81
    assert (document["folds"], document["seed"], document["coverage"]) == (2, 7, 0.9)
    assert document["findings"][0]["kind"] == "unreadable"
    assert [way["head_stages"] for way in document["options"]] == [
        *("2", "last", "2", "last", "2", "last")
    ]
    assert document["more_images"]["helps"] and document["nearest"]


@pytest.fixture
def ranked() -> list[RankedBackbone]:
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
    ranked: list[RankedBackbone],
    fits: Callable[[str], None],
) -> None:
    made = calls("rank", (dataset, ranked))
    words = ["suggest", "folder", "--backbones", "a,b", "--image-size", 96, "--seed", 3]
    shown = command(*words).stdout
    fits(shown)
    assert "12.3 ± 12.4 tie" in shown and "-12.3 lost" in shown and "[bold]" in shown
    assert "2 tie" in shown and "\nmobilenet_v2 " in shown  # whole, on one line
    flags = ["--backbone", "mobilenet_v2", "--image-size", "96", "--seed", "3"]
    after = shlex.split(shown.splitlines()[-1].removeprefix("next"))
    assert after == ["tlearn", "suggest", "folder", *flags]
    document = json.loads(command(*words, "--json").stdout)
    assert shlex.split(document["next"]) == after
    assert (document["folds"], document["seed"]) == (2, 7)
    assert "folds: the same 2 for all, seed 7" in shown
    assert [one["ties"] for one in document["backbones"]] == [True, True]
    assert made[0][1]["flags"] == {"image_size": 96, "seed": 3}


def test_of_very_few_pictures_no_curve_is_claimed(
    command: Command, calls: Callable[..., Any], advice: api.Advice, fits: Callable[[str], None]
) -> None:
    assert advice.curve is not None
    calls("suggest", replace(advice, curve=replace(advice.curve, drawn=False)))
    shown = command("suggest", "folder").stdout
    fits(shown)
    assert "nobody can say" in shown and "flat" not in shown
    assert json.loads(command("suggest", "f", "--json").stdout)["more_images"]["helps"] is None


def test_flags_reach_the_api_and_the_next_command(
    command: Command, calls: Callable[..., Any], advice: api.Advice
) -> None:
    made = calls("suggest", advice)
    words = ["--backbone", "mobilenet-v2", "--weights", "my weights.h5", "--seed", "3"]
    result = command("suggest", "my folder", "--no-cache", *words)
    (positional, named) = made[0]
    assert positional == (Path("my folder"),) and named["keep_cache"] is False
    flags = {"backbone": "mobilenet-v2", "weights": "my weights.h5", "seed": 3}
    assert named["flags"] == flags
    after = shlex.split(result.stdout.splitlines()[-1].removeprefix("next"))
    assert after == ["tlearn", "finetune", "my folder", "--policy", "top_stages", *words]


def test_without_pictures(command: Command, fits: Callable[[str], None]) -> None:
    result = command("suggest", "--images", 20, "--classes", 5, "--similar")
    assert result.exit_code == 0 and "▶ linear_head" in result.stdout
    fits(result.stdout)
    far = command("suggest", "--images", 90_000, "--classes", 5, "--different", "--json")
    document = json.loads(far.stdout)
    assert document["policy"] == "deep" and document["head_accuracy"] is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "neither a folder nor counts"),
        (["--images", 400], "--classes and --similar or --different"),
        (["--images", 400, "--classes", 5], "--similar or --different must"),
        (["--images", 3, "--classes", 5, "--similar"], "cannot fill"),
        (["folder", "--similar"], "the folder folder was given too"),
        (["folder", "--backbones", "builtin", "--images", 9], "the folder folder was given too"),
        (["--backbones", "builtin"], "on a folder"),
        (["--images", 9, "--classes", 2, "--similar", "--try", "5m"], "judge one backbone"),
        (["folder", "--backbones", "builtin", "--save", "s.yaml"], "judge one backbone"),
        (["folder", "--prefer", "small", "--try", "5m"], "give one of them"),
        (["--images", 0, "--classes", 5, "--similar"], "--images"),
    ],
)
def test_half_a_description_is_refused(words: list[Any], said: str, command: Command) -> None:
    result = command("suggest", *words)
    assert result.exit_code == 2 and not result.stdout
    assert said in result.stderr


def test_the_next_command_is_quoted_for_a_shell() -> None:
    deep = replace(textbook_policy(Evidence(400, 4, 0.1)), policy=Policy.DEEP)
    line = next_command(Path("a b"), deep, {"image_size": 96, "weights": "$x.h5"}, None)
    assert line == "tlearn finetune 'a b' --policy deep --image-size 96 --weights '$x.h5'"
    cut = replace(deep, policy=Policy.LINEAR_HEAD, head_stages="2,4")
    line = next_command(Path("a"), cut, {}, None)
    assert line == "tlearn finetune a --policy linear_head --set head_stages=2,4"
    assert next_command(Path("a"), cut, {}, Path("b c")) == "tlearn finetune a --recipe 'b c'"
