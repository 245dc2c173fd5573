from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tlearn.evaluation.report_content import ReportContent
from tlearn.evaluation.report_evidence import evidence_rows, verdict
from tlearn.recipe.plan import Plan
from tlearn.suggestion.advice import Advice

Content = Callable[..., ReportContent]
Advise = Callable[..., Advice]


def with_accuracy(content: ReportContent, accuracy: float) -> ReportContent:
    report = replace(content.leading, accuracy=accuracy)
    return replace(content, reports={"test": report})


def test_without_advice_there_is_no_evidence(content: Content) -> None:
    assert evidence_rows(content()) is None


def test_the_cell_of_the_folder_is_marked(content: Content, advice: Advise) -> None:
    evidence = evidence_rows(content(advice=advice()))
    assert evidence is not None
    cells = {
        (row.size[:6], cell.policy): cell.here for row in evidence.matrix for cell in row.cells
    }
    assert [cell for cell, here in cells.items() if here] == [("little", "linear-head")]
    assert len(cells) == 4


def test_the_profile_goes_from_guessing_to_the_result(content: Content, advice: Advise) -> None:
    evidence = evidence_rows(with_accuracy(content(advice=advice()), 0.6))
    assert evidence is not None
    assert [(row.kind, row.accuracy) for row in evidence.profile] == [
        ("guess", 0.75),
        ("head", 0.5),
        ("best", 0.75),
        ("head", 0.25),
        ("head", 0.5),
        ("result", 0.6),
    ]
    assert evidence.profile[4].name == "stages 1,2,3"


def test_options_and_result_share_a_scale(content: Content, advice: Advise) -> None:
    evidence = evidence_rows(with_accuracy(content(advice=advice()), 0.7))
    assert evidence is not None
    assert evidence.scale == pytest.approx((0.48, 0.97))
    first = evidence.options[0]
    assert first.dot == evidence.result and first.name == "linear-head on stage 2"
    for row in evidence.options:
        assert 0 < row.start < row.dot < row.start + row.width < 100
    assert [row.taken for row in evidence.options] == [False, True, False]
    assert [row.basis for row in evidence.options] == ["measured", "measured", "forecast"]


@pytest.mark.parametrize(("accuracy", "where"), [(0.81, "outside"), (0.8, "inside")])
def test_the_result_is_held_against_the_interval(
    content: Content, advice: Advise, accuracy: float, where: str
) -> None:
    known = with_accuracy(content(advice=advice(), seconds=8.0), accuracy)
    assert verdict(known) == (
        "expected 65.0% (90% interval 50.0 to 80.0) in 9.0 s; "
        f"it reached {100 * accuracy:.1f}%, {where} the interval, in 8.0 s"
    )
    assert " in " not in verdict(replace(known, seconds=None)).replace("interval", "")


def test_another_plan_than_the_suggestion_is_shown(
    content: Content, advice: Advise, plan: Callable[..., Plan]
) -> None:
    same = evidence_rows(content(advice=advice()))
    other = evidence_rows(content(advice=advice(), plan=plan(policy="deep")))
    assert same and other and same.departure == ""
    assert other.departure == "linear-head was suggested; deep was asked for instead"
