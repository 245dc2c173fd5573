"""Times as people write them; sizes are tested with the command that ranks by them."""

from __future__ import annotations

import pytest

from tlearn.cli.units import parse_latency, parse_time
from tlearn.errors import RecipeError


@pytest.mark.parametrize(
    ("text", "seconds"), [("45s", 45), ("90m", 5400), ("1.5h", 5400), ("10", 600), (" 2 H ", 7200)]
)
def test_a_time_is_seconds_minutes_or_hours(text: str, seconds: float) -> None:
    assert parse_time(text, "--for") == seconds


@pytest.mark.parametrize(("text", "milliseconds"), [("30ms", 30), ("0.5s", 500), ("12", 12)])
def test_a_latency_is_milliseconds_or_seconds(text: str, milliseconds: float) -> None:
    assert parse_latency(text, "--max-latency") == milliseconds


@pytest.mark.parametrize("text", ["", "0m", "-3m", "an hour", "3d"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(RecipeError, match="--for") as error:
        parse_time(text, "--for")
    assert error.value.hint.endswith("--for 45s")
