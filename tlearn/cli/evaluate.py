"""`tlearn evaluate`: how good a run is on held-out images, or on another folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control, interval, percent, relative_path
from tlearn.cli.display.progress import Display, print_json, print_result
from tlearn.cli.display.widgets import (
    BAD,
    DIM,
    GOOD,
    WARN,
    heading,
    indented,
    key_value_table,
    safe_text,
    table,
)

if TYPE_CHECKING:
    from tlearn.commands.evaluate import EvaluateResult
    from tlearn.evaluation.metrics import Report
    from tlearn.evaluation.scores import Scores

_SEEN = "were trained on or may have served to choose settings"
_MATRIX_UP_TO = 12
_ROW_NAME_WIDTH, _MATRIX_WIDTH = 20, 54
"""Columns of the terminal for the names of the rows, and for all predicted classes together."""

_CLASSES_SHOWN = 30
_PAIRS_SHOWN = 10


def evaluate(
    run: options.Run = None,
    folder: Annotated[
        Path | None,
        options.argument(
            "Other images, of one or more of the run's classes. Default: the run's own test "
            "split, or val where it has none.",
            "FOLDER",
        ),
    ] = None,
    data: options.Data = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Score a run on images it was not trained on.

    A single argument that is a folder or CSV, and not a run, is FOLDER. Images
    that the run was trained on are counted, and the others scored apart.

    Example: [cyan]tlearn evaluate[/]
    On other images: [cyan]tlearn evaluate runs/20260101-120000-deep new_images/[/]
    """
    if run is not None and folder is None and run.exists() and not options.is_run(run):
        run, folder = None, run
    from tlearn import api

    with Display(as_json, quiet, verbose) as display:
        result = api.evaluate(run, folder, data=data, progress=display)
    if as_json:
        print_json(to_json(result))
    else:
        print_result(*draw(result))


def to_json(result: EvaluateResult) -> dict[str, Any]:
    """Return the document: the report, and the run it is about."""
    grouped_by = list(result.grouped_by)
    return {"run": str(result.run.path), **result.scores.to_json(), "grouped_by": grouped_by}


def draw(result: EvaluateResult) -> list[RenderableType]:
    """Return the scores of a run."""
    subject = {"run": safe_text(relative_path(result.run.path))}
    return draw_scores(subject, result.scores, result.grouped_by)


def draw_scores(
    subject: Mapping[str, Text], scores: Scores, grouped_by: Sequence[str] = ()
) -> list[RenderableType]:
    """Return the scores as a whole, of each class, and what was confused.

    Args:
        subject: Rows to begin with: what was scored.
        scores: Its scores.
        grouped_by: What tells the groups that intervals count.
    """
    report = scores.report
    low, high = report.interval
    right = round(report.accuracy * report.n)
    rows: dict[str, RenderableType] = {
        **subject,
        "right": Text.assemble(
            (f"{right:,} of {report.n:,} images", "bold"), f" in {escape_control(report.split)}"
        ),
        "accuracy": Text.assemble(
            (percent(report.accuracy), "bold"), (f"   95% interval {interval(low, high)}", DIM)
        ),
        **_groups(report, grouped_by),
        **_trained_on(scores),
        "macro F1": Text(percent(report.macro_f1)),
    }
    further = [f"top {k} {percent(share)}" for k, share in report.top_k.items() if k > 1]
    if further:
        rows["also"] = Text(", ".join(further))
    rows["calibration"] = Text(
        f"probabilities are off by {100 * report.calibration_error:.1f} points on average; "
        f"log loss {report.log_loss:.3f}"
    )
    blocks: list[RenderableType] = [Text(), key_value_table(rows), *_per_class(report)]
    few = len(report.classes) <= _MATRIX_UP_TO
    return blocks + (_confusion_matrix(report) if few else _confused_pairs(report))


def _groups(report: Report, by: Sequence[str]) -> dict[str, RenderableType]:
    """Return how many groups of images there are, where these are fewer, and what tells them."""
    if report.n_groups in (None, report.n):
        return {}
    told = f", by {escape_control(' and '.join(by))}" if by else ""
    text = f"{report.n_groups:,}{told}; the interval is widened for them"
    return {"groups": Text(text, DIM)}


def _trained_on(scores: Scores) -> dict[str, RenderableType]:
    """Return what part of the accuracy is no test of the model, and the accuracy without it."""
    n, total, unseen = scores.trained_on, scores.report.n, scores.unseen
    if n is None:
        text = "not known here, because the file is not in its run; such images would be no test"
        return {"trained on": Text(text, DIM)}
    if not n:
        return {}
    if unseen is None:
        text = f"all {total:,} images {_SEEN}: this is no test of the model"
        return {"trained on": Text(text, WARN)}
    return {
        "trained on": Text(f"{n:,} of these {total:,} images {_SEEN}", WARN),
        "the others": Text.assemble(
            (f"{unseen.n_correct:,} of {unseen.n:,} right: "),
            (percent(unseen.accuracy), "bold"),
            (f"   95% interval {interval(*unseen.interval)}", DIM),
        ),
    }


def _per_class(report: Report) -> list[RenderableType]:
    scores = list(report.per_class)
    title = "Each class"
    if len(scores) > _CLASSES_SHOWN:
        scores = sorted(scores, key=lambda score: score["f1"])[:_CLASSES_SHOWN]
        title = f"The {_CLASSES_SHOWN} classes with the lowest F1 (--json has all)"
    rows = table("class", "images", "precision", "recall", "F1", right=(1, 2, 3, 4))
    for score in scores:
        values = [score[name] if score["n"] else None for name in ("precision", "recall", "f1")]
        rows.add_row(safe_text(score["name"]), f"{score['n']:,}", *map(percent, values))
    return [heading(title), indented(rows)]


def _confusion_matrix(report: Report) -> list[RenderableType]:
    names = [safe_text(name) for name in report.classes]
    named = sum(max(name.cell_len, 3) + 1 for name in names) <= _MATRIX_WIDTH
    # A letter in brackets, unlike a number, is hardly taken for a class.
    letters = [Text(f"({letter})", DIM) for letter in ascii_lowercase[: len(names)]]
    grid = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style=DIM)
    grid.add_column("true", no_wrap=True, max_width=_ROW_NAME_WIDTH, overflow="ellipsis")
    grid.add_column("")
    for head in names if named else letters:
        grid.add_column(head, justify="right", min_width=3, no_wrap=True)
    for row, counts in enumerate(report.confusion):
        cells = [_cell(count, row == column) for column, count in enumerate(counts)]
        grid.add_row(names[row], "" if named else letters[row], *cells)
    return [heading("Confusion: true classes down, predicted classes across"), indented(grid)]


def _cell(count: int, right: bool) -> Text:
    if not count:
        return Text("·", DIM)
    return Text(f"{count:,}", f"bold {GOOD}" if right else BAD)


def _confused_pairs(report: Report) -> list[RenderableType]:
    from tlearn.evaluation.metrics import most_confused

    rows = table("true", "predicted", "images", right=(2,))
    for true, predicted, number in most_confused(report, _PAIRS_SHOWN):
        rows.add_row(safe_text(true), safe_text(predicted), f"{number:,}")
    if not rows.row_count:
        return [Text("\nNo class is mistaken for another.")]
    return [heading("Most often confused"), indented(rows)]
