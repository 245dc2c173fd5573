"""`tlearn suggest --max-ram --max-flash`: a table, and the command that trains what fits."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tlearn import api
from tlearn.commands.fit_board import BoardAdvice
from tlearn.data.dataset import Dataset
from tlearn.features.head import CrossValidation
from tlearn.suggestion.board_fit import BoardCandidate
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.int8_cost import Int8Cost


@pytest.fixture
def fitted(dataset: Dataset) -> BoardAdvice:
    cv = CrossValidation(1.0, np.eye(2)[[0, 1]], 0.9, (0.9,))
    small = BoardCandidate(32, HeadScore((2,), cv), (0.8, 0.95), 32_000, 40_000)
    large = BoardCandidate(
        64, HeadScore((3,), cv), (0.8, 0.95), 58_000, 90_000, Int8Cost(60, 0.9, 0.02, 0.01)
    )
    limits = api.BoardLimits(ram=200_000)
    return BoardAdvice(limits, "builtin", [small, large], large, dataset)


def test_the_table_ends_with_the_command_that_trains(
    command: Command,
    calls: Callable[..., list[Any]],
    fits: Callable[[str], None],
    fitted: BoardAdvice,
) -> None:
    asked = calls("suggest_for_board", fitted)
    result = command("suggest", "my images", "--max-ram", "200KB", "--max-flash", "300KB")
    assert result.exit_code == 0
    table, _, commands = result.stdout.partition("next")
    fits(table)
    assert asked[0][0][1] == api.BoardLimits(flash=300_000, ram=200_000)
    assert "64 px" in table and "stage 3" in table and "58.0 kB" in table and "-2.0" in table
    expected = (
        "tlearn finetune 'my images' --policy linear-head --set head_stages=3 "
        "--backbone builtin --image-size 64"
    )
    assert expected in commands and "tlearn export --for" in commands


def test_json_has_every_candidate(
    command: Command, calls: Callable[..., list[Any]], fitted: BoardAdvice
) -> None:
    calls("suggest_for_board", fitted)
    document = json.loads(command("suggest", "images", "--max-ram", "200kB", "--json").stdout)
    assert document["limits"] == {"flash": None, "ram": 200_000}
    assert [one["advised"] for one in document["candidates"]] == [False, True]
    assert document["candidates"][1]["accuracy_in_int8"] == pytest.approx(0.88)
    assert document["candidates"][0]["accuracy_in_int8"] is None
    assert document["command"].startswith("tlearn finetune images --policy linear-head")


def test_where_nothing_fits_the_least_is_named(
    command: Command, calls: Callable[..., list[Any]], fitted: BoardAdvice
) -> None:
    calls("suggest_for_board", replace(fitted, advised=None))
    result = command("suggest", "images", "--max-ram", "1kB")
    assert result.exit_code == 1
    assert "the least takes 32.0 kB of flash and 40.0 kB of RAM" in result.stderr
    assert command("suggest", "images", "--max-ram", "1kB", "--json").exit_code == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--max-ram", "much"], "not a size"),
        (["--max-ram", "1MB", "--try", "5m"], "--try does not go with --max-ram"),
        (["--max-flash", "1MB", "--save", "a.yaml"], "--save does not go with --max-flash"),
    ],
)
def test_what_does_not_go_together_is_refused(
    command: Command, words: list[str], message: str
) -> None:
    result = command("suggest", "images", *words)
    assert result.exit_code == 2
    assert message in result.stderr
