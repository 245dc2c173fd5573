from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

from tlearn.evaluation.chart_style import chart_style
from tlearn.evaluation.charts import reliability
from tlearn.evaluation.figures import PAGE, inline_svg, write_figures
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.report_content import ReportContent
from tlearn.suggestion.advice import Advice


def test_every_figure_is_written_twice_and_the_same_each_time(
    content: Callable[..., ReportContent], advice: Callable[..., Advice], tmp_path: Path
) -> None:
    history = [{"epoch": epoch, "val_accuracy": 0.5} for epoch in (0, 1)]
    figures_content = content(history=history, advice=advice())
    names = write_figures(tmp_path / "first", figures_content)
    assert len(names) == 12 and sorted(names) == sorted(
        path.name for path in (tmp_path / "first").iterdir()
    )
    write_figures(tmp_path / "second", figures_content)
    for name in names:
        first, second = ((tmp_path / run / name).read_bytes() for run in ("first", "second"))
        assert first == second and first.startswith((b"<?xml", b"%PDF"))


def test_names_in_any_script_warn_nobody_and_leave_valid_files(
    content: Callable[..., ReportContent], tmp_path: Path
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        write_figures(tmp_path, content(("螞蟻 <&>", "b\udcff\x07\u202e $x$")))
    for path in tmp_path.glob("*.svg"):
        ElementTree.parse(path)


def test_a_chart_on_the_page_takes_the_colors_of_the_theme(report: Callable[..., Report]) -> None:
    with chart_style():
        svg = inline_svg(reliability(report(), PAGE), "reliability")
    assert svg.startswith("<svg") and "var(--accent)" in svg and "var(--soft)" in svg
    assert not any(color in svg for color in vars(PAGE).values()) and ">confidence<" in svg
