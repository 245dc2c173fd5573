"""Look of every chart: colors, fonts, axes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tlearn.storage.text import escape_invisible

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

_FALLBACK_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Microsoft YaHei", "PingFang SC", "Hiragino Sans"),
    *("Noto Sans", "Noto Sans Arabic", "Noto Sans Devanagari", "Arial Unicode MS"),
)


@dataclass(frozen=True)
class Palette:
    """Colors of a chart, as Matplotlib writes them."""

    ink: str = "#1d2328"
    soft: str = "#66717c"
    accent: str = "#0f766e"
    result: str = "#c2570c"


PRINT = Palette()


@contextmanager
def chart_style() -> Iterator[None]:
    """Set fonts for charts with names in any script; a missing glyph is drawn as a box."""
    from matplotlib import rc_context
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    families = ["DejaVu Sans", *(name for name in _FALLBACK_FONTS if name in installed)]
    with rc_context({"font.family": families}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def legend_above(axes: Axes, palette: Palette, line: Any, label: str) -> None:
    """Explain a line of the chart above it, at the left."""
    legend = axes.legend(
        [line], [label], loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2
    )
    legend.set_frame_on(False)
    legend.get_texts()[0].set(color=palette.ink, fontsize=9)


def new_chart(palette: Palette, size: tuple[float, float] = (4.4, 3.1)) -> tuple[Figure, Axes]:
    """Return an empty figure of a size in inches, and its axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(palette.soft)
    axes.tick_params(colors=palette.soft, labelcolor=palette.soft, labelsize=9, length=3)
    axes.xaxis.label.set(color=palette.soft, fontsize=9)
    axes.yaxis.label.set(color=palette.soft, fontsize=9)
    return figure, axes


def percent_axis(axis: Axis) -> None:
    """Label an axis of shares in percent."""
    from matplotlib.ticker import PercentFormatter

    axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))


def short_name(text: str) -> str:
    """Return a name as a chart can draw it: on one line, of at most 28 characters."""
    short = escape_invisible(text)
    return short if len(short) <= 28 else short[:27] + "…"
