"""`tlearn compare`: two or more runs side by side, as tables, JSON or one HTML page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import (
    duration,
    escape_control,
    interval,
    percent,
    pluralize,
    relative_path,
    shell_path,
    size,
)
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import (
    ACCENT,
    BAD,
    DIM,
    GOOD,
    heading,
    indented,
    key_value_table,
    next_step,
    safe_text,
    table,
)

if TYPE_CHECKING:
    from tlearn.commands.compare import Comparison, Paired
    from tlearn.commands.compared_run import ComparedRun

_COLUMNS = 5  # runs beside each other that 80 columns hold
_CLASSES_SHOWN = 30


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN RUN...",
            help="Directories of finished runs; the others are compared with the first.",
            show_default=False,
        ),
    ],
    page: Annotated[
        Path | None,
        typer.Option(
            "--html",
            help="Write the comparison as one HTML page too.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Put runs side by side: plans, accuracy on the same images, classes, sizes.

    Example: [cyan]tlearn compare runs/20260101-120000-deep runs/20260102-090000-deep[/]
    As a page: [cyan]tlearn compare RUN RUN --html comparison.html[/]
    """
    from tlearn.commands import compare as commands
    from tlearn.commands import compare_page

    if page:
        compare_page.check_page(page)
    comparison = commands.compare(runs)
    if page:
        compare_page.write_page(page, comparison)
    if as_json:
        print_json(to_json(comparison) | {"page": str(page) if page else None})
    else:
        print_result(*draw(comparison, page))


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return a comparison as plain values; lists have one item for each run, in their order."""
    return {
        "runs": [_run_to_json(run) for run in comparison.runs],
        "differences": {key: list(row) for key, row in comparison.differences.items()},
        "n_common": comparison.n_common,
        "paired": [asdict(row) | {"clear": row.is_clear} for row in comparison.paired],
        "per_class": [asdict(row) for row in comparison.classes],
        "note": comparison.note or None,
    }


def _run_to_json(run: ComparedRun) -> dict[str, Any]:
    report = run.report
    return {
        "run": str(run.path),
        "data": run.data,
        "policy": run.plan.policy,
        "backbone": run.plan.backbone.name,
        "split": report.split,
        "n": report.n,
        "accuracy": report.accuracy,
        "interval": list(report.interval),
        "macro_f1": report.macro_f1,
        "seconds": run.seconds,
        "model_bytes": run.model_bytes,
        "exported_bytes": dict(run.exports),
    }


def draw(comparison: Comparison, page: Path | None) -> list[RenderableType]:
    """Return everything, top to bottom."""
    from tlearn.commands.compare_page import run_letters

    letters = run_letters(len(comparison.runs))
    legend = {
        letter: safe_text(relative_path(run.path))
        for letter, run in zip(letters, comparison.runs, strict=True)
    }
    blocks: list[RenderableType] = [Text(), key_value_table(legend)]
    blocks += [heading("Accuracy"), indented(_accuracy(comparison, letters))]
    blocks += _verdicts(comparison, letters)
    blocks += [heading("What differs in their plans"), *_plans(comparison, letters)]
    blocks += [heading(_class_title(comparison)), *_classes(comparison, letters)]
    blocks += [heading("Size and time"), *_sizes(comparison, letters)]
    if page:
        blocks += [Text(), key_value_table({"page": safe_text(relative_path(page))})]
    names = " ".join(shell_path(run.path) for run in comparison.runs)
    best = shell_path(_best(comparison).path)
    step = f"tlearn export {best} --tflite" if page else f"tlearn compare {names} --html FILE.html"
    return [*blocks, next_step(step)]


def _best(comparison: Comparison) -> ComparedRun:
    scores = comparison.paired or [run.report for run in comparison.runs]
    accuracies = [score.accuracy for score in scores]
    return comparison.runs[accuracies.index(max(accuracies))]


def _accuracy(comparison: Comparison, letters: Sequence[str]) -> RenderableType:
    grid = table("run", "images", "accuracy", "95% interval", "macro F1", right=(1, 2, 3, 4))
    for letter, run in zip(letters, comparison.runs, strict=True):
        report = run.report
        grid.add_row(
            letter,
            f"{report.n:,} {report.split}",
            Text(percent(report.accuracy), "bold"),
            interval(*report.interval),
            f"{report.macro_f1:.3f}",
        )
    return grid


def _verdicts(comparison: Comparison, letters: Sequence[str]) -> Iterator[RenderableType]:
    """Yield a sentence for each run but the first: what it gains on the same images."""
    if not comparison.paired:
        yield Text(f"\n  {escape_control(comparison.note)}", DIM)
        return
    images = pluralize(comparison.n_common, "image")
    yield heading(f"On the same images: {images} held out in every run")
    grid = table("run", "accuracy", "gain", "95% interval", "", right=(1, 2, 3))
    for letter, row in zip(letters, comparison.paired, strict=True):
        if letter == letters[0]:
            grid.add_row(letter, percent(row.accuracy), "", "", "")
        else:
            grid.add_row(letter, percent(row.accuracy), *_gain(row, letters[0]))
    yield indented(grid)
    yield Text("  gain and its interval in points; the interval is that of paired answers", DIM)


def _gain(row: Paired, first: str) -> tuple[str, str, Text]:
    low, high = row.interval
    verdict = Text(f"no clear difference from {first}", DIM)
    if row.is_clear:
        better = row.gain > 0
        verdict = Text(f"{'better' if better else 'worse'} than {first}", GOOD if better else BAD)
    return f"{100 * row.gain:+.1f}", f"{100 * low:+.1f} to {100 * high:+.1f}", verdict


def _plans(comparison: Comparison, letters: Sequence[str]) -> Iterator[RenderableType]:
    from tlearn.commands.compare_page import plan_value

    if not comparison.differences:
        yield Text("  nothing: the plans are the same")
        return
    for columns in _blocks(letters):
        grid = table("key", *letters[columns])
        for key, row in comparison.differences.items():
            values = (safe_text(plan_value(key, value)) for value in row[columns])
            grid.add_row(_key_in_words(key), *values)
        yield indented(grid)


def _key_in_words(key: str) -> str:
    names = {"fingerprint": "weights (fingerprint)", "solved_head_l2": "penalty of the head"}
    return names.get(key, key.replace("_", " "))


def _class_title(comparison: Comparison) -> str:
    where = "the same images" if comparison.paired else "each run's own held-out images"
    many = len(comparison.classes) > _CLASSES_SHOWN
    which = (
        f"The {_CLASSES_SHOWN} classes that differ most (--json has all)" if many else "Each class"
    )
    return f"{which}: share answered right on {where}"


def _classes(comparison: Comparison, letters: Sequence[str]) -> Iterator[RenderableType]:
    from tlearn.commands.compare_page import best_recall

    rows = list(comparison.classes)
    if len(rows) > _CLASSES_SHOWN:
        rows = sorted(rows, key=lambda row: -_spread(row.recall))[:_CLASSES_SHOWN]
    for columns in _blocks(letters):
        shown = letters[columns]
        grid = table("class", "images", *shown, right=range(1, 2 + len(shown)))
        for row in rows:
            best, n = best_recall(row), sorted(set(row.n))
            cells = [
                Text(percent(share), ACCENT if share is not None and share == best else "")
                for share in row.recall[columns]
            ]
            images = f"{n[0]:,}" if len(n) == 1 else f"{n[0]:,}-{n[-1]:,}"
            grid.add_row(safe_text(row.name), images, *cells)
        yield indented(grid)


def _spread(recall: Sequence[float | None]) -> float:
    shares = [share for share in recall if share is not None]
    return max(shares) - min(shares) if shares else 0.0


def _sizes(comparison: Comparison, letters: Sequence[str]) -> Iterator[RenderableType]:
    from tlearn.commands.compare_page import export_sizes

    runs = comparison.runs
    rows: dict[str, list[str]] = {"model.keras": [size(run.model_bytes) for run in runs]}
    for name, sizes in export_sizes(comparison).items():
        rows[name] = ["-" if n_bytes is None else size(n_bytes) for n_bytes in sizes]
    rows["time to train"] = ["-" if run.seconds is None else duration(run.seconds) for run in runs]
    for columns in _blocks(letters):
        shown = letters[columns]
        grid = table("", *shown, right=range(1, 1 + len(shown)))
        for name, cells in rows.items():
            grid.add_row(safe_text(name), *cells[columns])
        yield indented(grid)


def _blocks(letters: Sequence[str]) -> list[slice]:
    """Return the columns of each table: so many runs beside each other as fit."""
    return [slice(start, start + _COLUMNS) for start in range(0, len(letters), _COLUMNS)]
