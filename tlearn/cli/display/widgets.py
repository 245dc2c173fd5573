"""Tables, lists and lines, 80 columns wide: pure functions from values to renderables.

Other people's text enters rich as `Text`, never as markup, and goes through `escape_control` first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.box import Box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tlearn.cli.display.formats import (
    class_names,
    escape_control,
    interval,
    outputs_row,
    percent,
    pluralize,
    relative_path,
)
from tlearn.data.notes import archive_names

if TYPE_CHECKING:
    from tlearn.data.dataset import Dataset
    from tlearn.data.inspection import DataIssue
    from tlearn.evaluation.metrics import Report

GOOD, BAD, WARN, ACCENT, DIM = "green", "red", "yellow", "bold cyan", "dim"
_NEXT, _PAGE = "next       ", 80
_SIGNS = {"warning": ("!", WARN), "note": ("·", DIM)}

# Marked as ASCII so that rich does not replace them: the stream brings its own stand-ins.
RULED = Box("    \n    \n ── \n    \n    \n    \n    \n    \n", ascii=True)
FRAMED = Box("╭─┬╮\n│ ││\n├─┼┤\n│ ││\n├─┼┤\n├─┼┤\n│ ││\n╰─┴╯\n", ascii=True)


def safe_text(text: object, style: str = "") -> Text:
    """Return anyone's text, control characters escaped and brackets kept."""
    return Text(escape_control(text), style)


def safe_lines(text: str, style: str = "") -> Text:
    """Return anyone's text of several lines, which stay lines."""
    return Text("\n".join(escape_control(line) for line in text.split("\n")), style)


def end_of(path: str, cells: int) -> Text:
    """Return the end of a long path: that is where files differ."""
    name = escape_control(relative_path(path))
    return Text(name if len(name) <= cells else "…" + name[1 - cells :], no_wrap=True)


def no_wrap(text: Text) -> Text:
    """Return text that the terminal wraps, not rich, so that it can be copied whole."""
    text.no_wrap, text.overflow = True, "ignore"
    return text


def table(*columns: str, right: Iterable[int] = (), title: str = "") -> Table:
    """Return an empty table without a frame; `right` are the columns of numbers."""
    frameless = Table(
        box=RULED,
        title=Text(title, "bold") if title else None,
        title_justify="left",
        pad_edge=False,
        show_edge=False,
        header_style=DIM,
        padding=(0, 2, 0, 0),
    )
    numbers = set(right)
    for column, name in enumerate(columns):
        if column in numbers:
            frameless.add_column(name, justify="right", no_wrap=True)
        else:
            frameless.add_column(name, overflow="fold")
    return frameless


def key_value_table(pairs: Mapping[str, RenderableType]) -> Table:
    """Return names on the left and their values on the right."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=DIM, no_wrap=True, min_width=9)
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        grid.add_row(name, value)
    return grid


def indented(block: RenderableType, left: int = 2) -> Padding:
    """Return a block set in from the left."""
    return Padding(block, (0, 0, 0, left), expand=False)


def heading(text: str) -> Text:
    """Return the line above a block."""
    return Text(f"\n{text}", "bold")


def bullets(sentences: Sequence[str | Text], sign: str = "-") -> Table:
    """Return sentences one below the other, wrapped under themselves."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style=DIM)
    grid.add_column(overflow="fold")
    for sentence in sentences:
        grid.add_row(sign, safe_text(sentence) if isinstance(sentence, str) else sentence)
    return grid


def issue_block(issues: Sequence[DataIssue]) -> list[RenderableType]:
    """Return what is wrong or risky in a folder, under a heading; nothing if nothing is."""
    if not issues:
        return []
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for issue in issues:
        sign, style = _SIGNS[issue.severity]
        grid.add_row(Text(sign, style), safe_text(issue.message))
    return [heading("Worth knowing about the images"), indented(grid)]


def dataset_table(dataset: Dataset) -> Table:
    """Return what was read: how many images of what, in which splits, and what was ignored."""
    manifest, task = dataset.manifest, dataset.folder.task
    splits = [f"{manifest.count(split):,} {split}" for split in ("train", "val", "test")]
    if manifest.folds:
        splits[1] = f"no val (cross-validation in {manifest.folds} folds instead)"
    if not manifest.count("test"):
        splits[2] = "no test"
    if not dataset.is_trainable:
        splits = ["not divided into train, val and test"]
    archives = archive_names(dataset.folder.notes)
    rows: dict[str, RenderableType] = {
        "folder": safe_text(", ".join(archives) or relative_path(dataset.folder.root)),
        **{name: Text(text) for name, text in outputs_row(task, dataset.outputs).items()},
        "images": Text(f"{len(manifest.names):,}: {', '.join(splits)}{kept_groups(dataset)}"),
    }
    ignored = dataset.folder.ignored
    if ignored:
        entries = pluralize(len(ignored), "entry", "entries")
        rows["ignored"] = Text(f"{entries}: {class_names(ignored, 3)}")
    return key_value_table(rows)


def kept_groups(dataset: Dataset) -> str:
    """Return ", in 96 groups that stay together", or nothing where only copies do."""
    if not (dataset.grouping and dataset.grouping.obeyed and dataset.is_trainable):
        return ""
    return f", in {len({*dataset.manifest.groups}):,} groups that stay together"


def score_table(reports: Iterable[Report]) -> Table:
    """Return one line for each held-out split."""
    scores = table("split", "images", "accuracy", "95% interval", "macro F1", right=(1, 2, 3, 4))
    for report in reports:
        scores.add_row(
            safe_text(report.split),
            f"{report.n:,}",
            Text(percent(report.accuracy), "bold"),
            interval(*report.interval),
            percent(report.macro_f1),
        )
    return scores


def verdict(report: Report, whose: str = "images it had not seen") -> Text:
    """Return a score in words: "Right on 166 of 189 images it had not seen (87.8%, ...)."."""
    right = round(report.accuracy * report.n)
    score = f"{percent(report.accuracy)}; 95% interval {interval(*report.interval)}"
    found = Text.assemble((f"Right on {right:,} of {report.n:,}", "bold"), f" {whose} ({score})")
    if report.steps:
        found.append(f"\nAnswers are {report.steps.in_words()}")
    return found


def next_steps(commands: Mapping[str, str]) -> Text:
    """Return commands to type next, whole so that they can be copied; purposes are comments.

    Comments stand to the right of the commands or, where that is wider than a page, below them.
    """
    longest = max(len(command) for command in commands)
    widest = len(_NEXT) + longest + max(len(f"  # {purpose}") for purpose in commands.values())
    lines: list[Text] = []
    for command, purpose in commands.items():
        line = Text.assemble((" " * len(_NEXT) if lines else f"\n{_NEXT}", DIM), (command, ACCENT))
        if purpose:
            gap = " " * (longest - len(command))
            beside = gap if widest <= _PAGE else "\n" + " " * len(_NEXT)
            line.append(f"{beside}  # {purpose}", DIM)
        lines.append(line)
    return no_wrap(Text("\n").join(lines))


def next_step(command: str) -> Text:
    """Return the command to type next, in a form that can be copied."""
    return next_steps({escape_control(command): ""})
