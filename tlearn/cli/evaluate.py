"""`tlearn evaluate`: how good a run is on pictures held out, or on another folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli import options, render
from tlearn.cli.progress import Display, print_json, print_result
from tlearn.cli.render import BAD, DIM, GOOD

if TYPE_CHECKING:
    from tlearn.evaluation.metrics import Report
    from tlearn.runs.directory import RunDirectory

_MATRIX_UP_TO = 12
_CLASSES_SHOWN = 30
_PAIRS_SHOWN = 10


def evaluate(
    run: options.Run = None,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="Other pictures with the run's classes. Left out: the run's own test split, or "
            "val where it has none.",
            show_default=False,
        ),
    ] = None,
    data: options.Data = None,
    as_json: options.Json = False,
) -> None:
    """Score a run on pictures it has not learned from.

    A single argument is FOLDER where it is a folder or CSV that is not a run.

    Example: [cyan]tlearn evaluate[/]
    On other pictures: [cyan]tlearn evaluate runs/20260101-120000-deep new_pictures/[/]
    """
    if run is not None and folder is None and run.exists() and not options.is_run(run):
        run, folder = None, run
    from tlearn import api

    with Display(as_json) as display:
        where, report = api.evaluate(run, folder, data=data, progress=display)
    if as_json:
        print_json(to_json(where, report))
    else:
        print_result(*draw(where, report))


def to_json(run: RunDirectory, report: Report) -> dict[str, Any]:
    """The document: the report, and the run it is about."""
    return {"run": str(run.path), **report.to_json()}


def draw(run: RunDirectory, report: Report) -> list[RenderableType]:
    """Everything, top to bottom."""
    return draw_report({"run": render.words(render.near(run.path))}, report)


def draw_report(about: Mapping[str, Text], report: Report) -> list[RenderableType]:
    """Scores as a whole, of each class, and what was confused.

    Args:
        about: Facts to begin with: what was scored.
        report: Its scores.
    """
    low, high = report.interval
    rows = {
        **about,
        "pictures": Text(f"{report.n:,} of {render.escape_control(report.split)}"),
        "accuracy": Text.assemble(
            (render.percent(report.accuracy), "bold"),
            (f"   95 % interval {render.interval(low, high)}", DIM),
        ),
        "macro F1": Text(f"{report.macro_f1:.3f}"),
    }
    further = [f"top {k} {render.percent(share)}" for k, share in report.top_k.items() if k > 1]
    if further:
        rows["also"] = Text(", ".join(further))
    rows["calibration"] = Text(
        f"off by {100 * report.calibration_error:.1f} points on average"
        f"; log loss {report.log_loss:.3f}"
    )
    blocks: list[RenderableType] = [Text(), render.facts(rows), *_per_class(report)]
    return blocks + (_matrix(report) if len(report.classes) <= _MATRIX_UP_TO else _pairs(report))


def _per_class(report: Report) -> list[RenderableType]:
    rows = list(report.per_class)
    title = "Each class"
    if len(rows) > _CLASSES_SHOWN:
        rows = sorted(rows, key=lambda row: row["f1"])[:_CLASSES_SHOWN]
        title = f"The {_CLASSES_SHOWN} classes with the lowest F1 (--json has all)"
    made = render.table("class", "pictures", "precision", "recall", "F1", right=(1, 2, 3, 4))
    for row in rows:
        scores = [f"{row[name]:.3f}" if row["n"] else "-" for name in ("precision", "recall", "f1")]
        made.add_row(render.words(row["name"]), f"{row['n']:,}", *scores)
    return [render.heading(title), render.indented(made)]


def _matrix(report: Report) -> list[RenderableType]:
    made = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style=DIM)
    made.add_column("true", no_wrap=True, max_width=20, overflow="ellipsis")
    made.add_column("", style=DIM, justify="right")
    for number in range(1, len(report.classes) + 1):
        made.add_column(str(number), justify="right", min_width=3, no_wrap=True)
    for place, (name, counts) in enumerate(zip(report.classes, report.confusion, strict=True)):
        cells = [_cell(hits, place == column) for column, hits in enumerate(counts)]
        made.add_row(render.words(name), str(place + 1), *cells)
    title = "Confusion: true classes down, answers across"
    return [render.heading(title), render.indented(made)]


def _cell(hits: int, right: bool) -> Text:
    if not hits:
        return Text("·", DIM)
    return Text(f"{hits:,}", f"bold {GOOD}" if right else BAD)


def _pairs(report: Report) -> list[RenderableType]:
    from tlearn.evaluation.metrics import most_confused

    made = render.table("true", "answer", "pictures", right=(2,))
    for true, answer, number in most_confused(report, _PAIRS_SHOWN):
        made.add_row(render.words(true), render.words(answer), f"{number:,}")
    if not made.row_count:
        return [Text("\nNo class is taken for another.")]
    return [render.heading("Most often confused"), render.indented(made)]
