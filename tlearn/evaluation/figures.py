"""Figures as files: SVG and PDF for papers and slides, and SVG inside a page."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlearn.evaluation.chart_style import Palette, chart_style
from tlearn.evaluation.charts import draw_charts
from tlearn.evaluation.report_content import ReportContent
from tlearn.storage.atomic import write_atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Matplotlib wants real colors; the page swaps these for its own, so that charts follow its theme.
_THEME = {
    "#010101": "var(--ink)",
    "#020202": "var(--soft)",
    "#030303": "var(--accent)",
    "#040404": "var(--result)",
}
PAGE = Palette(*_THEME)


def write_figures(folder: Path, content: ReportContent) -> list[str]:
    """Write each chart of a run as SVG and PDF; the same content gives the same bytes.

    Args:
        folder: Where to; made when missing, files of the same names are replaced.
        content: What the report is made from.

    Returns:
        Names of the files.

    Raises:
        HostError: A file cannot be written.
    """
    names = []
    with chart_style():
        for stem, figure in draw_charts(content).items():
            for suffix in ("svg", "pdf"):
                write_atomic(folder / f"{stem}.{suffix}", figure_bytes(figure, stem, suffix))
                names.append(f"{stem}.{suffix}")
    return names


def figure_bytes(figure: Figure, name: str, suffix: str) -> bytes:
    """Return a figure as a file without a date; `name` keeps the ids of two SVGs apart."""
    from matplotlib import rc_context

    date = {"svg": "Date", "pdf": "CreationDate"}[suffix]
    settings: dict[str, Any] = {"svg.hashsalt": name, "pdf.fonttype": 42}
    buffer = io.BytesIO()
    with rc_context(settings):
        figure.savefig(buffer, format=suffix, transparent=True, metadata={date: None})
    return buffer.getvalue()


def inline_svg(figure: Figure, name: str) -> str:
    """Return a chart drawn with `PAGE` as an SVG element: text as text, colors of the theme."""
    from matplotlib import rc_context

    with rc_context({"svg.fonttype": "none"}):
        text = figure_bytes(figure, name, "svg").decode("utf-8")
    text = text[text.index("<svg") :]
    for color, themed in _THEME.items():
        text = text.replace(color, themed)
    return text
