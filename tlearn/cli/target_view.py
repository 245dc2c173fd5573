"""What commands say of several labels, or of a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import percent
from tlearn.cli.display.widgets import DIM, GOOD, heading, indented, safe_text, table

if TYPE_CHECKING:
    from tlearn.evaluation.label_scores import LabelReport
    from tlearn.evaluation.number_scores import NumberReport
    from tlearn.evaluation.target_scores import TargetReport

_WORST = 8


def draw_target_scores(
    reports: Mapping[str, TargetReport], verbose: bool = False
) -> list[RenderableType]:
    """Return how good a model of labels or of a number is, on the split that is reported first."""
    from tlearn.evaluation.label_scores import LabelReport

    if not reports:
        return []
    report = reports.get("test") or next(iter(reports.values()))
    blocks: list[RenderableType] = [Text.assemble(("✓ ", GOOD), safe_text(report.in_words()))]
    if isinstance(report, LabelReport):
        return [*blocks, *_labels(report, verbose)]
    return [*blocks, *_number(report)]


def _labels(report: LabelReport, verbose: bool) -> list[RenderableType]:
    rows = sorted((row for row in report.per_label if row["n"]), key=lambda row: row["f1"])
    shown = rows if verbose else rows[:_WORST]
    grid = table("label", "images", "from", "precision", "recall", "F1", right=range(1, 6))
    for row in shown:
        shares = (row[name] for name in ("threshold", "precision", "recall", "f1"))
        grid.add_row(safe_text(row["name"]), f"{row['n']:,}", *map(percent, shares))
    more = f" (the weakest of {len(rows)}; all: --verbose)" if len(shown) < len(rows) else ""
    exact = f"all labels of an image right: {percent(report.exact_match)}"
    return [Text(exact, DIM), heading(f"Labels{more}"), indented(grid), Text()]


def _number(report: NumberReport) -> list[RenderableType]:
    lines = []
    if report.r2 is not None and report.r2_interval is not None:
        ends = "{:.2f} to {:.2f}".format(*report.r2_interval)
        lines.append(f"{percent(report.r2, 0)} of the variance explained (R² {ends})")
    if report.half_width is None:
        lines.append("too few held-out images to promise an interval around an answer")
    elif report.coverage is not None:
        width = percent(report.half_width) if report.relative else f"{report.half_width:.3g}"
        lines.append(
            f"9 of 10 new images lie within {width} of the answer; of these, "
            f"{percent(report.coverage, 0)} did"
        )
    return [Text("\n".join(lines), DIM)]
