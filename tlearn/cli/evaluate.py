"""`tlearn evaluate`: how good a run is on held-out images, or on another folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from string import ascii_lowercase
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tlearn.cli import confidence_view, evaluate_view, options, target_view
from tlearn.cli import evaluate_options as flags
from tlearn.cli.annotations import Annotations, annotation, print_annotations
from tlearn.cli.display.formats import escape_control, interval, percent, pluralize, relative_path
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
from tlearn.cli.units import parse_class_shares
from tlearn.errors import GateError

if TYPE_CHECKING:
    from tlearn.commands.evaluate import EvaluateResult
    from tlearn.evaluation.metrics import Report
    from tlearn.evaluation.operating_point import OperatingPoint
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
    unknown: flags.Unknown = None,
    positive: flags.Positive = None,
    cost: flags.Cost = None,
    min_sensitivity: flags.MinSensitivity = None,
    thresholds: flags.Thresholds = False,
    keep: flags.Keep = False,
    forget: flags.Forget = False,
    min_accuracy: flags.MinAccuracy = None,
    min_recall: flags.MinRecall = None,
    max_ece: flags.MaxEce = None,
    min_auc: flags.MinAuc = None,
    output: Annotations = None,
    verbose: options.Verbose = False,
    quiet: options.Quiet = False,
    as_json: options.Json = False,
) -> None:
    """Score a run on images it was not trained on.

    A single argument that is a folder or CSV, and not a run, is FOLDER. Images
    that the run was trained on are counted, and the others scored apart; limits
    are held against those only, and exit code 1 says that one was missed.

    Example: [cyan]tlearn evaluate[/]
    On other images: [cyan]tlearn evaluate runs/20260101-120000-deep new_images/[/]
    In a pipeline: [cyan]tlearn evaluate --min-accuracy 0.85 --min-recall cats=0.9[/]
    """
    if run is not None and folder is None and run.exists() and not options.is_run(run):
        run, folder = None, run
    choice = flags.read_choice(positive, cost, min_sensitivity, thresholds, keep, forget)
    from tlearn import api

    recalls = parse_class_shares(min_recall or (), "--min-recall")
    gates = api.Gates(min_accuracy, recalls, max_ece, min_auc)
    settings: dict[str, Any] = {"data": data, "unknown": unknown, "keep": keep, "forget": forget}
    with Display(as_json, quiet, verbose) as display:
        result = api.evaluate(run, folder, choice=choice, gates=gates, **settings, progress=display)
    if not isinstance(result, api.EvaluateResult):
        target_view.show_evaluation(result, as_json, verbose, annotated=bool(output))
        return
    if as_json:
        print_json(to_json(result))
    else:
        print_result(*draw(result, verbose))
    if output:
        print_annotations(_annotations(result), as_json)
    if not result.passed:
        _fail(result, as_json)


def _annotations(result: EvaluateResult) -> list[str]:
    """Return a line for each limit, or for the accuracy where there is none."""
    title = "tlearn evaluate"
    if not result.gates:
        return [annotation("notice", title, result.report.in_words())]
    return [
        annotation("notice" if gate.passed else "error", title, gate.message)
        for gate in result.gates
    ]


def _fail(result: EvaluateResult, as_json: bool) -> None:
    """End with exit code 1 and what was missed; a JSON document has said it."""
    if as_json:
        raise typer.Exit(GateError.exit_code)
    raise GateError(
        "\n".join(gate.message for gate in result.gates if not gate.passed),
        "look at the errors (errors.csv in the run), add images like them and train again: "
        "tlearn finetune FOLDER",
    )


def to_json(result: EvaluateResult) -> dict[str, Any]:
    """Return the document: the report, the run it is about, thresholds and limits."""
    return {
        "run": str(result.run.path),
        **result.scores.to_json(),
        "grouped_by": list(result.grouped_by),
        "operating_point_on_validation": result.chosen and asdict(result.chosen),
        "operating_point_kept": result.is_kept,
        "operating_point_forgotten": result.forgot,
        "thresholds": [asdict(threshold) for threshold in result.thresholds],
        "gates": [asdict(gate) for gate in result.gates],
        "passed": result.passed,
        **confidence_view.to_json(result.coverage, result.known, result.refused),
        "unknown_auroc": result.strangers and result.strangers.auroc,
        "unknown_accepted": result.strangers and result.strangers.accepted,
        "unknown_trained_on": result.strangers and result.strangers.trained_on,
    }


def draw(result: EvaluateResult, verbose: bool = False) -> list[RenderableType]:
    """Return the scores of a run, thresholds and limits."""
    subject = {"run": safe_text(relative_path(result.run.path))}
    return [
        *draw_scores(
            subject, result.scores, result.grouped_by, verbose=verbose, chosen=result.chosen
        ),
        *confidence_view.draw_confidence(
            result.coverage, result.known, result.strangers, refused=result.refused
        ),
        *evaluate_view.class_thresholds(result.thresholds),
        *evaluate_view.limits(result.gates),
        *evaluate_view.kept_point(result),
    ]


def draw_scores(
    subject: Mapping[str, Text],
    scores: Scores,
    grouped_by: Sequence[str] = (),
    *,
    verbose: bool = False,
    chosen: OperatingPoint | None = None,
) -> list[RenderableType]:
    """Return the scores as a whole, of each class, and what was confused.

    Args:
        subject: Rows to begin with: what was scored.
        scores: Its scores.
        grouped_by: What tells the groups that intervals count.
        verbose: Whether to show reliability by bins, and what the numbers mean.
        chosen: Of two classes, the operating point on the images that it was chosen on.
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
    if steps := (scores.unseen or report).steps:
        rows["on the scale"] = Text(steps.in_words())
    further = [f"top {k} {percent(share)}" for k, share in report.top_k.items() if k > 1]
    if further:
        rows["also"] = Text(", ".join(further))
    rows |= evaluate_view.probability_rows(scores, verbose)
    few = len(report.classes) <= _MATRIX_UP_TO
    return [
        *(Text(), key_value_table(rows)),
        *evaluate_view.two_classes(scores, chosen),
        *_per_class(report, verbose),
        *(_confusion_matrix(report) if few else _confused_pairs(report)),
        *(evaluate_view.details(scores) if verbose else ()),
    ]


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
        "trained on": Text(f"{n:,} of the {pluralize(total, 'image')} {_SEEN}", WARN),
        "the others": Text.assemble(
            (f"{unseen.n_correct:,} of {unseen.n:,} right: "),
            (percent(unseen.accuracy), "bold"),
            (f"   95% interval {interval(*unseen.interval)}", DIM),
        ),
    }


def _per_class(report: Report, verbose: bool) -> list[RenderableType]:
    scores = list(report.per_class)
    title = "Each class"
    if len(scores) > _CLASSES_SHOWN:
        scores = sorted(scores, key=lambda score: score["f1"])[:_CLASSES_SHOWN]
        title = f"The {_CLASSES_SHOWN} classes with the lowest F1 (--json has all)"
    columns = {"precision": "precision", "recall": "recall", "f1": "F1"}
    columns |= {"average_precision": "avg. precision"} if verbose else {}
    rows = table("class", "images", *columns.values(), right=range(1, 2 + len(columns)))
    for score in scores:
        values = [score[name] if score["n"] else None for name in columns]
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
