"""Times and sizes as people write them."""

from __future__ import annotations

import pytest

from tlearn.cli.units import parse_latency, parse_size, parse_time
from tlearn.errors import RecipeError


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("1.5h", 5400), ("10", 600), (" 2 H ", 7200)]
)
def test_a_time_is_read_with_or_without_its_unit(text: str, seconds: float) -> None:
    assert parse_time(text, "--for") == seconds


@pytest.mark.parametrize(("text", "milliseconds"), [("30ms", 30), ("0.5s", 500), ("12", 12)])
def test_a_latency_is_read_with_or_without_its_unit(text: str, milliseconds: float) -> None:
    assert parse_latency(text, "--max-latency") == milliseconds


@pytest.mark.parametrize("text", ["", "0m", "-3m", "an hour", "3d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(RecipeError, match="--for") as error:
        parse_time(text, "--for")
    assert error.value.hint.endswith("--for 45s")


@pytest.mark.parametrize(("text", "n_bytes"), [("4MB", 4e6), ("900 kB", 9e5), ("1.5GB", 1.5e9)])
def test_sizes(text: str, n_bytes: float) -> None:
    assert parse_size(text, "--max-size") == n_bytes


@pytest.mark.parametrize("text", ["4", "1.6e-05MB", "0MB", "-4MB", "four", "4TB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(RecipeError, match="not a size") as error:
        parse_size(text, "--max-size")
    assert error.value.hint.endswith("--max-size 4MB")
