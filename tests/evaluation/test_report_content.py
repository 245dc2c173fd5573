from __future__ import annotations

from collections.abc import Callable

import pytest

from tlearn.evaluation.metrics import Report
from tlearn.evaluation.report_content import ReportContent
from tlearn.recipe.plan import Plan
from tlearn.suggestion.advice import Advice

Content = Callable[..., ReportContent]


def test_the_test_split_leads_where_there_is_one(
    content: Content, report: Callable[..., Report]
) -> None:
    test, val = report(), report(split="val")
    assert content(reports={"val": val, "test": test}).leading is test
    assert content(reports={"val": val}).leading is val


def test_a_plan_without_samples_is_private(content: Content, plan: Callable[..., Plan]) -> None:
    assert not content().private
    assert content(plan=plan(keep_samples=False)).private


@pytest.mark.parametrize(
    ("keys", "taken"),
    [
        ({}, ("linear_head", "last")),
        ({"head_stages": "2"}, ("linear_head", "2")),
        ({"head_stages": "1"}, None),
        ({"policy": "deep"}, ("deep", "last")),
        ({"policy": "top_stages"}, None),
    ],
)
def test_what_was_taken_is_found_by_policy_and_stages(
    content: Content,
    plan: Callable[..., Plan],
    advice: Callable[..., Advice],
    keys: dict[str, str],
    taken: tuple[str, str] | None,
) -> None:
    option = content(plan=plan(**keys), advice=advice()).taken
    assert (option and (str(option.policy), option.head_stages)) == taken


def test_without_advice_nothing_was_taken(content: Content) -> None:
    assert content().taken is None
