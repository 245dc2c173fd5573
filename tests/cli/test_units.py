"""Times and sizes as people write them."""

from __future__ import annotations

import pytest

from tlearn.cli.units import (
    parse_class_shares,
    parse_latency,
    parse_ratio,
    parse_share,
    parse_size,
    parse_time,
)
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


@pytest.mark.parametrize(("text", "share"), [(".9", 0.9), ("0.05", 0.05), ("90%", 0.9), ("1", 1)])
def test_a_share_is_a_fraction_or_percent(text: str, share: float) -> None:
    assert parse_share(text, "--min-accuracy") == pytest.approx(share)


@pytest.mark.parametrize("text", ["", "90", "-0.1", "nan", "most", "101%"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(RecipeError, match="--min-accuracy") as error:
        parse_share(text, "--min-accuracy")
    assert error.value.hint.endswith("--min-accuracy 0.9")


def test_a_recall_has_a_class_which_may_hold_the_sign() -> None:
    assert parse_class_shares(["a=b=.9", "cats=80%"], "--min-recall") == {"a=b": 0.9, "cats": 0.8}
    for text in ("0.9", "=0.9", "cats", "cats="):
        with pytest.raises(RecipeError, match="--min-recall") as error:
            parse_class_shares([text], "--min-recall")
        assert error.value.hint.endswith("--min-recall cats=0.9")


def test_a_class_has_one_share() -> None:
    with pytest.raises(RecipeError, match="--prior names the class 'cats' twice"):
        parse_class_shares(["cats=0.9", "dogs=0.1", "cats=0.2"], "--prior")


def test_a_cost_has_two_numbers() -> None:
    assert parse_ratio("10:1", "--cost") == (10, 1) and parse_ratio("1:2.5", "--cost") == (1, 2.5)
    for text in ("10", "10:0", "a:b", "1:2:3", "inf:1", "-1:1", ""):
        with pytest.raises(RecipeError, match="--cost"):
            parse_ratio(text, "--cost")
