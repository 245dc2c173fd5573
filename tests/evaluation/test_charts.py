from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tlearn.evaluation.chart_style import PRINT, chart_style
from tlearn.evaluation.charts import (
    COUNTS_UP_TO,
    NAMES_UP_TO,
    confusion_matrix,
    draw_charts,
    forecasts,
    learning_curve,
    reliability,
    roc_curve,
)
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.report_content import ReportContent
from tlearn.suggestion.advice import Advice

HISTORY = [{"epoch": e, "val_accuracy": e / 10, "loss": 1 / (e + 1)} for e in range(3)]


def test_a_chart_is_drawn_where_there_is_data(
    content: Callable[..., ReportContent], advice: Callable[..., Advice]
) -> None:
    assert list(draw_charts(content())) == ["confusion_matrix", "reliability", "roc"]
    assert list(draw_charts(content(history=HISTORY, advice=advice()))) == [
        *("confusion_matrix", "reliability", "roc", "accuracy_by_epoch", "loss_by_epoch"),
        *("depth_profile", "forecast_and_result"),
    ]


@pytest.mark.parametrize("n", [2, COUNTS_UP_TO, COUNTS_UP_TO + 1, NAMES_UP_TO, NAMES_UP_TO + 1])
def test_a_matrix_shows_counts_and_names_while_they_can_be_read(
    report: Callable[..., Report], n: int
) -> None:
    scores = report(tuple(f"class {number}" for number in range(n)), 2 * n)
    axes = confusion_matrix(scores, PRINT).axes[0]
    counts = sum(count > 0 for row in scores.confusion for count in row)
    assert len(axes.texts) == (counts if n <= COUNTS_UP_TO else 0)
    named = "class 0" in [label.get_text() for label in axes.get_xticklabels()]
    assert named == (n <= NAMES_UP_TO)


def test_the_dot_marks_the_best_epoch() -> None:
    for quantity, best in (("accuracy", (2, 0.7)), ("loss", (1, 0.3))):
        rows = zip((0, 1, 2), (0.5, 0.6, 0.7), (0.5, 0.3, 0.4), strict=True)
        history = [{"epoch": e, "val_accuracy": a, "val_loss": b} for e, a, b in rows]
        figure = learning_curve(history, quantity, PRINT)
        assert figure and figure.axes[0].collections[0].get_offsets().tolist() == [list(best)]


def test_the_dot_on_the_roc_curve_is_the_operating_point(report: Callable[..., Report]) -> None:
    scores = report()
    figure = roc_curve(scores, PRINT)
    assert figure and scores.operating_point and scores.operating_point.specificity.value
    ((false_alarms, found),) = figure.axes[0].collections[0].get_offsets()
    assert found == scores.operating_point.sensitivity.value
    assert false_alarms == 1 - scores.operating_point.specificity.value
    assert roc_curve(report(("ant", "bee", "cat")), PRINT) is None
    assert roc_curve(score(np.eye(2)[[0, 0]], np.array([0, 0]), "ab", "test"), PRINT) is None


def test_reliability_before_calibration_is_drawn_as_rings(report: Callable[..., Report]) -> None:
    scores = report()
    plain, both = (
        reliability(replace(scores, reliability_before=bins), PRINT).axes[0].collections
        for bins in ((), scores.reliability[:2])
    )
    assert len(both) == len(plain) + 2


def test_a_single_epoch_is_no_curve() -> None:
    assert learning_curve(HISTORY[:1], "accuracy", PRINT) is None


def test_the_option_taken_stands_out(
    report: Callable[..., Report], advice: Callable[..., Advice]
) -> None:
    options = advice().options
    axes = forecasts(options, options[1], report(), PRINT).axes[0]
    colors = [line.get_color() for line in axes.lines]
    assert colors == [PRINT.soft, PRINT.accent, PRINT.soft, PRINT.result]


@pytest.mark.parametrize("name", ["$\\frac$", "螞蟻", "b\udcff\u202e", "x" * 300])
def test_any_name_can_be_drawn(report: Callable[..., Report], name: str) -> None:
    with warnings.catch_warnings(), chart_style():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        confusion_matrix(report((name, "bee")), PRINT).draw_without_rendering()
