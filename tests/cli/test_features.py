"""What is said of a shard, and which are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Command
from tlearn import api
from tlearn.cli.features import parse_shard
from tlearn.errors import RecipeError


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/", "a/b", "-1/8", "1/0", "3/8/2", ""])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="is no shard"):
        parse_shard(text)


def test_a_shard_is_computed_and_what_cannot_be_read_is_told(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    result = api.FeaturesResult(Path("st/3-of-8.rows"), 12, True, {"/a/[red].jpg": "cut short"})
    recorded = calls("features", result)
    shown = command("features", "x", "--shard", "3/8", "--store", "st", "--backbone", "builtin")
    fits(shown.stdout)
    assert "shard 3 of 8: 12 images, computed" in shown.stdout
    assert "/a/[red].jpg: cut short" in shown.stdout and "st/3-of-8.rows" in shown.stdout
    (positional, named) = recorded[0]
    assert positional == (Path("x"), (3, 8))
    assert named["store"] == Path("st") and named["flags"] == {"backbone": "builtin"}


def test_the_document_says_whether_it_was_computed(
    command: Command, calls: Callable[..., Any]
) -> None:
    calls("features", api.FeaturesResult(Path("s.rows"), 5, False, {}))
    document = json.loads(command("features", "x", "--store", "s", "--json").stdout)
    assert (document["shard"], document["n_images"], document["computed"]) == ("1/1", 5, False)
