"""One HTML page about a run of several labels, or of a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.data.inspection import DataIssue
from tlearn.evaluation.chart_style import PRINT, Palette, chart_style, new_chart, short_name
from tlearn.evaluation.charts import learning_curve
from tlearn.evaluation.figures import PAGE, figure_bytes, inline_svg
from tlearn.evaluation.good_scores import GoodReport
from tlearn.evaluation.label_scores import LabelReport
from tlearn.evaluation.page import render_page
from tlearn.evaluation.report import FILTERS, settings_of
from tlearn.evaluation.report_content import NextStep
from tlearn.evaluation.resampling import Repeats
from tlearn.evaluation.target_scores import TargetReport
from tlearn.evaluation.wording import percent, significant
from tlearn.recipe.plan import Plan
from tlearn.recipe.planning import HEAD
from tlearn.storage.atomic import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_LABELS_SHOWN = 30
"""Labels in the chart, the most frequent first; the table has them all."""


@dataclass(frozen=True, eq=False)
class TargetContent:
    """Everything that the page and the figures show.

    Attributes:
        title: Heading, such as the name of the table.
        plan: What was carried out.
        reports: Split to the scores on it.
        answers: (n, outputs) on the leading split.
        targets: (n, outputs), the same.
        history: Records of the epochs.
        warnings: What went wrong in training, in sentences.
        issues: What is wrong or risky in the images.
        next_steps: What to do with the run.
        provenance: Versions, system, date and command.
        timings: Step to seconds.
        repeats: What the same training reached on other splits, None where it was not repeated.
    """

    title: str
    plan: Plan
    reports: Mapping[str, TargetReport]
    answers: np.ndarray
    targets: np.ndarray
    history: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    issues: Sequence[DataIssue] = ()
    next_steps: Sequence[NextStep] = ()
    provenance: Mapping[str, str] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)
    repeats: Repeats | None = None

    @property
    def leading(self) -> TargetReport:
        """Return the scores that lead: those on the test split, or on the only one there is."""
        return self.reports.get("test") or next(iter(self.reports.values()))

    @property
    def private(self) -> bool:
        """Return whether images and their names must not be shown."""
        return not self.plan.images.keep_samples


def write_target_report(path: Path, figures: Path, content: TargetContent) -> None:
    """Write the report as one HTML page, and its charts as SVG and PDF.

    Args:
        path: The page.
        figures: Folder of the charts.
        content: What they show.

    Raises:
        HostError: A file cannot be written.
    """
    from markupsafe import Markup

    report = content.leading
    with chart_style():
        for stem, figure in _draw(content, PRINT).items():
            for suffix in ("svg", "pdf"):
                write_atomic(figures / f"{stem}.{suffix}", figure_bytes(figure, stem, suffix))
        charts = {n: Markup(inline_svg(f, n)) for n, f in _draw(content, PAGE).items()}
    values = {
        "content": content,
        "charts": charts,
        "headline": report.headline(),
        "lead": report.in_words(),
        "numbers": _numbers(report),
        "per_label": report.per_label if isinstance(report, LabelReport) else (),
        "caption": _caption(report),
        "settings": settings_of(content.plan),
        "head": HEAD,
    }
    page = render_page("tlearn.evaluation", "target_report.html.j2", FILTERS, values)
    write_atomic(path, page)


def _numbers(report: TargetReport) -> list[tuple[str, str, str]]:
    if isinstance(report, LabelReport):
        same = report.baseline
        rows = (
            ("F1 of all answers", "f1_micro", "precision and recall of all labels together"),
            ("Mean F1", "f1_macro", "every label counts the same"),
            ("All labels right", "exact_match", "share of images without any error"),
        )
        return [
            (name, percent(getattr(report, key)), f"{text}; always the same: {percent(same[key])}")
            for name, key, text in rows
        ]
    if isinstance(report, GoodReport):
        return _of_good(report)
    numbers = [
        ("Always the median", significant(report.mae_of_median), "mean error without looking"),
        ("Root mean squared", significant(report.rmse), "large errors count more"),
    ]
    if report.r2 is not None:
        numbers.append(("R²", f"{report.r2:.2f}", "share of the variance explained"))
    if report.rank_correlation is not None:
        correlation = f"{report.rank_correlation:.2f}"
        numbers.append(("Rank correlation", correlation, "1: the order of the images is right"))
    if report.half_width is not None and report.coverage is not None:
        unit = (percent if report.relative else significant)(report.half_width)
        held = f"promised for 90% of new images; here it held for {percent(report.coverage)}"
        numbers.append(("Within", f"±{unit}", held))
    return numbers


def _of_good(report: GoodReport) -> list[tuple[str, str, str]]:
    rows = []
    if report.found is not None:
        rows.append(("Bad images found", percent(report.found), f"of {report.n_bad:,}"))
    if report.false_alarm_rate is not None:
        text = (
            f"of {report.n_good:,} good images called bad; {percent(report.asked)} were asked for"
        )
        rows.append(("False alarms", percent(report.false_alarm_rate), text))
    return rows


def _caption(report: TargetReport) -> str:
    if isinstance(report, GoodReport):
        return "Anomaly of each image; right of the line it is called bad."
    if isinstance(report, LabelReport):
        return "Average precision of each label: how high its images rank; a dot marks its share."
    return "Answers against the truth, one dot an image; on the dashed line, they are equal."


def _draw(content: TargetContent, palette: Palette) -> dict[str, Figure]:
    report = content.leading
    draw = _precision_chart if isinstance(report, LabelReport) else _scatter
    draw = _strip if isinstance(report, GoodReport) else draw
    charts = {"answers": draw(content, palette)}
    if figure := learning_curve(content.history, "loss", palette):
        charts["loss"] = figure
    return charts


def _scatter(content: TargetContent, palette: Palette) -> Figure:
    figure, axes = new_chart(palette, (4.6, 4.4))
    truth, answers = content.targets[:, 0], content.answers[:, 0]
    ends = [float(min(truth.min(), answers.min())), float(max(truth.max(), answers.max()))]
    axes.plot(ends, ends, color=palette.soft, linewidth=1, linestyle=(0, (4, 3)))
    axes.scatter(truth, answers, s=16, color=palette.accent, alpha=0.6, linewidths=0)
    axes.set(xlabel=f"true {short_name(content.plan.split.classes[0])}", ylabel="answer")
    return figure


def _precision_chart(content: TargetContent, palette: Palette) -> Figure:
    report = content.leading
    assert isinstance(report, LabelReport)
    rows = sorted((row for row in report.per_label if row["n"]), key=lambda row: row["n"])
    rows = rows[-_LABELS_SHOWN:]
    figure, axes = new_chart(palette, (5.2, 0.8 + 0.28 * len(rows)))
    places = range(len(rows))
    axes.barh(places, [row["average_precision"] for row in rows], color=palette.accent, height=0.6)
    shares = [row["n"] / max(row["n_known"], 1) for row in rows]
    axes.scatter(shares, places, s=18, color=palette.ink, zorder=3)
    axes.set_yticks(places, [short_name(row["name"]) for row in rows], parse_math=False)
    axes.set(xlim=(0, 1), xlabel="average precision")
    return figure


def _strip(content: TargetContent, palette: Palette) -> Figure:
    """Draw the anomaly of good and bad images, as evidence: a logit spreads out what is sure."""
    report = content.leading
    assert isinstance(report, GoodReport)
    figure, axes = new_chart(palette, (5.4, 2.4))
    jitter = np.random.default_rng(0).uniform(-0.3, 0.3, len(content.answers))
    bad, anomaly = content.targets[:, 0], content.answers[:, 0]
    colors = [palette.result if value else palette.accent for value in bad]
    axes.scatter(anomaly, bad + jitter, s=14, c=colors, alpha=0.6, linewidths=0)
    axes.axvline(report.threshold, color=palette.ink, linewidth=1, linestyle=(0, (4, 3)))
    axes.set_yticks([0, 1], ["good", "bad"])
    axes.set(xlim=(0, 1.02), ylim=(-0.6, 1.6), xlabel="anomaly")
    return figure
