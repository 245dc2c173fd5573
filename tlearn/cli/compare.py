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
from tlearn.data.targets import CLASSES, LABELS

if TYPE_CHECKING:
    from tlearn.commands.compare import Comparison
    from tlearn.commands.compare_page import Wording
    from tlearn.commands.compared_run import ComparedRun
    from tlearn.commands.pairing import Paired

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
        "paired": [_paired_to_json(row, comparison.task) for row in comparison.paired],
        "per_class": [asdict(row) for row in comparison.classes],
        "note": comparison.note or None,
    }


def _paired_to_json(row: Paired, task: str) -> dict[str, Any]:
    values = asdict(row) | {"clear": row.is_clear}
    if task != CLASSES:
        values["score"] = values.pop("accuracy")
    return values


def _run_to_json(run: ComparedRun) -> dict[str, Any]:
    from tlearn.evaluation.metrics import Report
    from tlearn.evaluation.target_scores import headline, main_interval

    report = run.report
    scores: dict[str, Any] = (
        {
            "accuracy": report.accuracy,
            "interval": list(report.interval),
            "macro_f1": report.macro_f1,
        }
        if isinstance(report, Report)
        else headline(report) | {"interval": main_interval(report)}
    )
    return {
        "run": str(run.path),
        "data": run.data,
        "policy": run.plan.policy,
        "backbone": run.plan.backbone.name,
        "split": report.split,
        "n": report.n,
        **scores,
        "seconds": run.seconds,
        "model_bytes": run.model_bytes,
        "exported_bytes": dict(run.exports),
    }


def draw(comparison: Comparison, page: Path | None) -> list[RenderableType]:
    """Return everything, top to bottom."""
    from tlearn.commands.compare_page import run_letters, wording_of

    letters = run_letters(len(comparison.runs))
    legend = {
        letter: safe_text(relative_path(run.path))
        for letter, run in zip(letters, comparison.runs, strict=True)
    }
    blocks: list[RenderableType] = [Text(), key_value_table(legend)]
    score = wording_of(comparison).score
    blocks += [
        heading(score[0].upper() + escape_control(score[1:])),
        indented(_accuracy(comparison, letters)),
    ]
    blocks += _verdicts(comparison, letters)
    blocks += [heading("What differs in their plans"), *_plans(comparison, letters)]
    if comparison.classes:
        blocks += [heading(_class_title(comparison)), *_classes(comparison, letters)]
    blocks += [heading("Size and time"), *_sizes(comparison, letters)]
    if page:
        blocks += [Text(), key_value_table({"page": safe_text(relative_path(page))})]
    names = " ".join(shell_path(run.path) for run in comparison.runs)
    best = shell_path(comparison.best.path)
    step = f"tlearn export {best} --tflite" if page else f"tlearn compare {names} --html FILE.html"
    return [*blocks, next_step(step)]


def _accuracy(comparison: Comparison, letters: Sequence[str]) -> RenderableType:
    from tlearn.commands.compare import main_score
    from tlearn.commands.compare_page import score_interval, wording_of
    from tlearn.evaluation.metrics import Report

    told = wording_of(comparison)
    macro = ["macro F1"] if comparison.task == CLASSES else []
    names = ("run", "images", escape_control(told.score), "95% interval", *macro)
    grid = table(*names, right=range(1, len(names)))
    for letter, run in zip(letters, comparison.runs, strict=True):
        report = run.report
        cells = [f"{report.macro_f1:.3f}"] if isinstance(report, Report) else []
        score, ends = Text(told.value(main_score(report)), "bold"), score_interval(report)
        grid.add_row(letter, f"{report.n:,} {report.split}", score, told.interval(ends), *cells)
    return grid


def _verdicts(comparison: Comparison, letters: Sequence[str]) -> Iterator[RenderableType]:
    """Yield a sentence for each run but the first: what it gains on the same images."""
    if not comparison.paired:
        yield Text(f"\n  {escape_control(comparison.note)}", DIM)
        return
    from tlearn.commands.compare_page import wording_of

    told, images = wording_of(comparison), pluralize(comparison.n_common, "image")
    yield heading(f"On the same images: {images} held out in every run")
    score = escape_control(told.score)
    grid = table("run", score, "gain", "95% interval", "", right=(1, 2, 3))
    for letter, row in zip(letters, comparison.paired, strict=True):
        if letter == letters[0]:
            grid.add_row(letter, told.value(row.accuracy), "", "", "")
        else:
            grid.add_row(letter, told.value(row.accuracy), *_gain(row, letters[0], told))
    yield indented(grid)
    unit = escape_control(told.unit)
    yield Text(f"  gain and its interval in {unit}; the interval is that of paired answers", DIM)


def _gain(row: Paired, first: str, told: Wording) -> tuple[str, str, Text]:
    low, high = row.interval
    verdict = Text(f"no clear difference from {first}", DIM)
    if row.is_clear:
        better = row.gain > 0
        verdict = Text(f"{'better' if better else 'worse'} than {first}", GOOD if better else BAD)
    return told.gain(row.gain), f"{told.gain(low)} to {told.gain(high)}", verdict


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
    from tlearn.commands.compare_page import wording_of

    where = "the same images" if comparison.paired else "each run's own held-out images"
    many = len(comparison.classes) > _CLASSES_SHOWN
    one, all_ = ("label", "labels") if comparison.task == LABELS else ("class", "classes")
    which = (
        f"The {_CLASSES_SHOWN} {all_} that differ most (--json has all)" if many else f"Each {one}"
    )
    return f"{which}: {wording_of(comparison).per_class} on {where}"


def _classes(comparison: Comparison, letters: Sequence[str]) -> Iterator[RenderableType]:
    from tlearn.commands.compare_page import best_recall

    rows = list(comparison.classes)
    if len(rows) > _CLASSES_SHOWN:
        rows = sorted(rows, key=lambda row: -_spread(row.recall))[:_CLASSES_SHOWN]
    for columns in _blocks(letters):
        shown = letters[columns]
        grid = table(
            "label" if comparison.task == LABELS else "class",
            "images",
            *shown,
            right=range(1, 2 + len(shown)),
        )
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
