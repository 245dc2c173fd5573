"""Which ways to train are offered: fast, advised, better; never one that is neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.choices import choices
from tlearn.suggestion.matrix import Policy

LAST, MIDDLE, TUNED, DEEP = (
    Option(Policy.LINEAR_HEAD, "last", 0.90, 0.8, 1.0, True, seconds=8.0),
    Option(Policy.LINEAR_HEAD, "3", 0.92, 0.8, 1.0, True, seconds=8.0),
    Option(Policy.TOP_STAGES, "last", 0.94, 0.8, 1.0, False, seconds=120.0),
    Option(Policy.DEEP, "last", 0.96, 0.8, 1.0, False, seconds=300.0),
)
OPTIONS = (LAST, MIDDLE, TUNED, DEEP)


@pytest.mark.parametrize(
    ("advised", "roles", "offered"),
    [
        (TUNED, ["fast", "advised", "better"], [MIDDLE, TUNED, DEEP]),
        (DEEP, ["fast", "advised"], [MIDDLE, DEEP]),
        (MIDDLE, ["advised", "better"], [MIDDLE, DEEP]),
    ],
)
def test_choices_go_from_fast_to_best(
    advised: Option, roles: list[str], offered: list[Option]
) -> None:
    result = choices(OPTIONS, advised)
    assert [choice.role for choice in result] == roles
    assert [choice.option for choice in result] == offered
    assert [choice.gain for choice in result] == pytest.approx(
        [option.accuracy - advised.accuracy for option in offered]
    )


def test_an_option_that_is_hardly_better_is_not_offered_as_better() -> None:
    nearly = replace(DEEP, accuracy=TUNED.accuracy + 0.009)
    assert [c.role for c in choices((MIDDLE, TUNED, nearly), TUNED)] == [
        "fast",
        "advised",
    ]


def test_where_nothing_is_better_the_best_of_the_slower_ones_is_shown() -> None:
    worse = (replace(TUNED, accuracy=0.91), replace(DEEP, accuracy=0.90))
    result = choices((LAST, MIDDLE, *worse), MIDDLE)
    assert [(c.role, c.option.policy) for c in result] == [
        ("advised", Policy.LINEAR_HEAD),
        ("slower", Policy.TOP_STAGES),
    ]


def test_one_option_is_one_choice_and_none_is_none() -> None:
    assert [c.role for c in choices((MIDDLE,), MIDDLE)] == ["advised"]
    assert choices((), None) == []


@pytest.mark.parametrize(
    ("seconds", "roles"), [((0.6, 1.4), ["advised"]), ((70.0, 120.0), ["fast", "advised"])]
)
def test_a_way_that_saves_hardly_any_time_is_not_offered_as_fast(
    seconds: tuple[float, float], roles: list[str]
) -> None:
    head, tuned = (replace(o, seconds=s) for o, s in zip((MIDDLE, TUNED), seconds, strict=True))
    assert [c.role for c in choices((head, tuned), tuned)] == roles


def test_a_way_that_takes_hardly_more_time_is_not_offered_as_slower() -> None:
    tuned = replace(TUNED, accuracy=0.91, seconds=8.5)
    assert [c.role for c in choices((MIDDLE, tuned), MIDDLE)] == ["advised"]


def test_a_difference_within_chance_is_called_about_as_accurate() -> None:
    nearly = replace(TUNED, accuracy=MIDDLE.accuracy + 0.009)
    assert choices((MIDDLE, nearly), nearly)[0].about_as_accurate
    assert not choices((MIDDLE, TUNED), TUNED)[0].about_as_accurate


def test_what_looks_better_as_the_best_of_several_is_not_offered_as_better() -> None:
    doubtful = replace(DEEP, doubt=0.03)
    assert [c.role for c in choices((MIDDLE, TUNED, doubtful), TUNED)] == ["fast", "advised"]
    same_doubt = replace(TUNED, doubt=0.03)
    assert choices((MIDDLE, same_doubt, doubtful), same_doubt)[-1].role == "better"
