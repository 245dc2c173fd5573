"""Which ways to train are offered: fast, advised, better; never one that is neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.choices import choices
from tlearn.suggestion.matrix import Evidence, Policy, Suggestion, textbook_policy

LAST, MIDDLE, TUNED, DEEP = (
    Option(Policy.LINEAR_HEAD, "last", 0.90, 0.8, 1.0, True, seconds=8.0),
    Option(Policy.LINEAR_HEAD, "3", 0.92, 0.8, 1.0, True, seconds=8.0),
    Option(Policy.TOP_STAGES, "last", 0.94, 0.8, 1.0, False, seconds=120.0),
    Option(Policy.DEEP, "last", 0.96, 0.8, 1.0, False, seconds=300.0),
)
OPTIONS = (LAST, MIDDLE, TUNED, DEEP)


def advising(option: Option) -> Suggestion:
    suggestion = textbook_policy(Evidence(400, 4, 0.9))
    return replace(suggestion, policy=option.policy, head_stages=option.head_stages)


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
    result = choices(OPTIONS, advising(advised))
    assert [choice.role for choice in result] == roles
    assert [choice.option for choice in result] == offered
    assert [choice.gain for choice in result] == pytest.approx(
        [option.accuracy - advised.accuracy for option in offered]
    )


def test_an_option_that_is_hardly_better_is_not_offered_as_better() -> None:
    nearly = replace(DEEP, accuracy=TUNED.accuracy + 0.004)
    assert [c.role for c in choices((MIDDLE, TUNED, nearly), advising(TUNED))] == [
        "fast",
        "advised",
    ]


def test_where_nothing_is_better_the_best_of_the_slower_ones_is_shown() -> None:
    worse = (replace(TUNED, accuracy=0.91), replace(DEEP, accuracy=0.90))
    result = choices((LAST, MIDDLE, *worse), advising(MIDDLE))
    assert [(c.role, c.option.policy) for c in result] == [
        ("advised", Policy.LINEAR_HEAD),
        ("slower", Policy.TOP_STAGES),
    ]


def test_one_option_is_one_choice_and_none_is_none() -> None:
    assert [c.role for c in choices((MIDDLE,), advising(MIDDLE))] == ["advised"]
    assert choices((), advising(MIDDLE)) == []
