"""Charts of a run, drawn with Matplotlib: each function takes records and returns a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tlearn.evaluation.chart_style import (
    PRINT,
    Palette,
    legend_above,
    new_chart,
    percent_axis,
    short_name,
)
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.report_content import ReportContent
from tlearn.evaluation.wording import percent, policy_in_words, split_in_words
from tlearn.suggestion.accuracy_forecast import INTERVAL_COVERAGE, Option, stages_in_words
from tlearn.suggestion.depth_profile import DepthProfile

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNTS_UP_TO, NAMES_UP_TO = 25, 60
"""Most classes whose confusion matrix shows each count, and each class name, in a figure."""

_DASHED = (0, (4, 3))


def draw_charts(content: ReportContent, palette: Palette = PRINT) -> dict[str, Figure]:
    """Draw every chart that the content has data for; call it within `chart_style`.

    Returns:
        File stem to figure.
    """
    charts = {
        "confusion_matrix": confusion_matrix(content.leading, palette),
        "reliability": reliability(content.leading, palette),
        "roc": roc_curve(content.leading, palette),
        "accuracy_by_epoch": learning_curve(content.history, "accuracy", palette),
        "loss_by_epoch": learning_curve(content.history, "loss", palette),
    }
    if content.advice and content.advice.profile:
        charts["depth_profile"] = depth_profile(content.advice.profile, content.leading, palette)
    if content.advice and content.advice.options:
        options, taken = content.advice.options, content.taken
        charts["forecast_and_result"] = forecasts(options, taken, content.leading, palette)
    return {name: figure for name, figure in charts.items() if figure}


def confusion_matrix(report: Report, palette: Palette) -> Figure:
    """Draw the confusion matrix; the shade of a cell is its share of the row."""
    from matplotlib.colors import LinearSegmentedColormap

    n = len(report.classes)
    side = min(2.2 + 0.42 * n, 11.0)
    figure, axes = new_chart(palette, (side, side))
    shades = LinearSegmentedColormap.from_list("shades", ["#ffffff", palette.accent])
    shares = [[count / max(sum(row), 1) for count in row] for row in report.confusion]
    axes.imshow(shares, cmap=shades, vmin=0, vmax=1)
    axes.set(xlabel="answer", ylabel="true class")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    if n <= NAMES_UP_TO:
        names = [short_name(name) for name in report.classes]
        axes.set_xticks(range(n), names, rotation=90, parse_math=False)
        axes.set_yticks(range(n), names, parse_math=False)
    if n <= COUNTS_UP_TO:
        for row, column in ((row, column) for row in range(n) for column in range(n)):
            if count := report.confusion[row][column]:
                color = "#ffffff" if shares[row][column] > 0.5 else palette.ink
                text = axes.text(column, row, f"{count:,}", color=color, fontsize=9)
                text.set(ha="center", va="center")
    return figure


def reliability(report: Report, palette: Palette) -> Figure:
    """Draw accuracy against confidence; the size of a dot is the bin's share of the images.

    What was so before calibration is drawn as rings.
    """
    figure, axes = new_chart(palette)
    axes.plot([0, 1], [0, 1], color=palette.soft, linewidth=1, linestyle=_DASHED)
    for group in report.reliability_before:
        point, size = (group["confidence"], group["accuracy"]), 14 + 260 * group["n"] / report.n
        axes.scatter(*point, s=size, facecolors="none", edgecolors=palette.soft, linewidths=1)
    for group in report.reliability:
        confidence, accuracy = group["confidence"], group["accuracy"]
        axes.plot([confidence] * 2, [confidence, accuracy], color=palette.accent, linewidth=1.5)
        size = 14 + 260 * group["n"] / report.n
        axes.scatter(confidence, accuracy, s=size, color=palette.accent, alpha=0.75, linewidths=0)
    axes.set(xlim=(-0.02, 1.05), ylim=(-0.05, 1.08), xlabel="confidence", ylabel="accuracy")
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    return figure


def roc_curve(report: Report, palette: Palette) -> Figure | None:
    """Draw what is found against false alarms, with the operating point; None without a curve."""
    point = report.operating_point
    if not (point and report.roc):
        return None
    figure, axes = new_chart(palette)
    axes.plot([0, 1], [0, 1], color=palette.soft, linewidth=1, linestyle=_DASHED)
    axes.plot(*zip(*report.roc, strict=True), color=palette.accent, linewidth=2)
    found, left_alone = point.sensitivity.value, point.specificity.value
    if found is not None and left_alone is not None:
        axes.scatter(1 - left_alone, found, s=44, color=palette.result, zorder=3)
    name = short_name(point.positive)
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.04))
    axes.set_xlabel(f"others called {name}", parse_math=False)
    axes.set_ylabel(f"{name} found", parse_math=False)
    percent_axis(axes.xaxis)
    percent_axis(axes.yaxis)
    return figure


def learning_curve(
    history: Sequence[Mapping[str, Any]], quantity: str, palette: Palette
) -> Figure | None:
    """Draw "accuracy" or "loss" by epoch, None where the history has no two epochs of it."""
    lines = {
        name: [(row["epoch"], row[key]) for row in history if row.get(key) is not None]
        for name, key in (("training", quantity), ("validation", f"val_{quantity}"))
    }
    lines = {name: points for name, points in lines.items() if len(points) > 1}
    if not lines:
        return None
    figure, axes = new_chart(palette)
    looks: dict[str, dict[str, Any]] = {
        "training": {"color": palette.soft, "linestyle": (0, (4, 2))},
        "validation": {"color": palette.accent, "linewidth": 2},
    }
    for name, points in lines.items():
        axes.plot(*zip(*points, strict=True), label=name, **looks[name])
    pick = max if quantity == "accuracy" else min
    if best := pick(lines.get("validation", ()), key=lambda point: point[1], default=None):
        axes.scatter(*best, s=36, color=palette.accent, zorder=3)
    axes.set(xlabel="epoch", ylabel=quantity)
    axes.locator_params(axis="x", integer=True)
    if quantity == "accuracy":
        percent_axis(axes.yaxis)
    axes.legend(frameon=False, labelcolor=palette.ink, fontsize=9, loc="best")
    return figure


def depth_profile(profile: DepthProfile, report: Report, palette: Palette) -> Figure:
    """Draw the accuracy of a linear head on each stage, and what the finished model reached."""
    scores = profile.scores
    names = [short_name(name) for name in profile.names]
    names += [stages_in_words(score.head_stages) for score in scores[len(names) :]]
    names.append(f"this model, on {short_name(split_in_words(report.split))}")
    accuracies = [*(score.accuracy for score in scores), report.accuracy]
    colors = [palette.accent if score is profile.best else palette.soft for score in scores]
    figure, axes = new_chart(palette, (5.2, 1.3 + 0.34 * len(names)))
    bars = axes.barh(range(len(names)), accuracies, color=[*colors, palette.result], height=0.62)
    labels = [percent(accuracy) for accuracy in accuracies]
    axes.bar_label(bars, labels, padding=3, fontsize=8, color=palette.ink)
    axes.set_yticks(range(len(names)), names, parse_math=False)
    axes.invert_yaxis()
    guess = axes.axvline(profile.guessing, color=palette.ink, linewidth=1, linestyle=_DASHED)
    legend_above(axes, palette, guess, f"always the largest class: {percent(profile.guessing)}")
    axes.set(xlim=(0, 1.12), xlabel="accuracy; of a linear head on a stage, cross-validated")
    percent_axis(axes.xaxis)
    return figure


def forecasts(
    options: Sequence[Option], taken: Option | None, report: Report, palette: Palette
) -> Figure:
    """Draw the accuracy expected of every option with its interval, and what came."""
    figure, axes = new_chart(palette, (5.2, 1.3 + 0.34 * len(options)))
    for row, option in enumerate(options):
        color = palette.accent if option is taken else palette.soft
        axes.plot([option.low, option.high], [row] * 2, color=color, linewidth=2.2)
        axes.scatter(option.accuracy, row, s=34, color=color, zorder=3)
    names = [f"{policy_in_words(o.policy)}, {stages_in_words(o.head_stages)}" for o in options]
    axes.set_yticks(range(len(options)), names)
    axes.invert_yaxis()
    result = axes.axvline(report.accuracy, color=palette.result, linewidth=1.6, zorder=1)
    label = (
        f"result on {short_name(split_in_words(report.split))} images: {percent(report.accuracy)}"
    )
    legend_above(axes, palette, result, label)
    axes.set_xlabel(f"expected accuracy with its {INTERVAL_COVERAGE:.0%} interval")
    percent_axis(axes.xaxis)
    return figure


def accuracy_by_price(rows: Sequence[tuple[str, Report, float]], palette: Palette) -> Figure:
    """Draw the accuracy of runs, with its interval, against the time that they took.

    Args:
        rows: Name, scores and seconds of each run.
        palette: Colors.
    """
    from matplotlib.ticker import LogFormatter

    figure, axes = new_chart(palette, (5.2, 3.1))
    for name, report, seconds in rows:
        axes.plot([seconds] * 2, report.interval, color=palette.accent, linewidth=2)
        axes.scatter(seconds, report.accuracy, s=34, color=palette.accent, zorder=3)
        note = axes.annotate(short_name(name), (seconds, report.accuracy), parse_math=False)
        note.set(position=(7, 0), fontsize=9, color=palette.ink, va="center")
        note.set_anncoords("offset points")
    axes.set(xscale="log", xlabel="seconds to train", ylabel="accuracy with its 95% interval")
    for formatted in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        formatted(LogFormatter(labelOnlyBase=False, minor_thresholds=(2, 0.5)))
    axes.tick_params(axis="x", which="minor", labelcolor=palette.soft, labelsize=9)
    axes.margins(x=0.25)
    percent_axis(axes.yaxis)
    return figure
