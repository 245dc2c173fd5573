"""Records drawn for a person, 80 columns wide: pure functions from values to renderables.

Class names, file names and messages are other people's text. It enters rich as `Text`, never as
markup, and goes through `escape_control` first.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from tlearn.data.dataset import Dataset
    from tlearn.data.inspection import DataIssue
    from tlearn.evaluation.metrics import Report

GOOD, BAD, WARN, ACCENT, DIM = "green", "red", "yellow", "bold cyan", "dim"
_SIGNS = {"warning": ("!", WARN), "note": ("·", DIM)}
_SHOWN_CLASSES = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"


def escape_control(text: object) -> str:
    """Text without what a terminal would obey: control characters are shown, not sent."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def words(text: object, style: str = "") -> Text:
    """Anybody's text as it stands, brackets and all."""
    return Text(escape_control(text), style)


def lines(text: str, style: str = "") -> Text:
    """The same for text of several lines, which stay lines."""
    return Text("\n".join(escape_control(line) for line in text.split("\n")), style)


def no_wrap(text: Text) -> Text:
    """Text that is left to the terminal to wrap, so that it can be copied whole."""
    text.no_wrap, text.overflow = True, "ignore"
    return text


def percent(share: float | None, digits: int = 1) -> str:
    """0.958 as "95.8 %"; a dash for what was not measured."""
    return "-" if share is None else f"{100 * share:.{digits}f} %"


def interval(low: float, high: float) -> str:
    """The two ends of an interval of accuracy, in per cent."""
    return f"{100 * low:.1f} to {100 * high:.1f}"


def count(number: int, one: str, many: str = "") -> str:
    """1 picture, 2 pictures."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(n_bytes: float) -> str:
    """Bytes in the unit that reads best."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def duration(seconds: float) -> str:
    """Seconds as a person says them: 4.2 s, 1 min 30 s, 2 h 5 min."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def bar(share: float, width: int = 30) -> str:
    """A bar of `width` cells, filled to eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def near(path: Path | str) -> str:
    """A path as short as it is from here."""
    absolute, here = Path(path).absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def argument(path: Path | str) -> str:
    """The same as it is typed: what a shell would take apart is quoted."""
    return shlex.quote(near(path))


def table(*columns: str, right: Iterable[int] = (), title: str = "") -> Table:
    """A table without a frame; `right` are the columns of numbers."""
    made = Table(
        box=box.SIMPLE_HEAD,
        title=Text(title, "bold") if title else None,
        title_justify="left",
        pad_edge=False,
        show_edge=False,
        header_style=DIM,
        padding=(0, 2, 0, 0),
    )
    numbers = set(right)
    for place, name in enumerate(columns):
        if place in numbers:
            made.add_column(name, justify="right", no_wrap=True)
        else:
            made.add_column(name, overflow="fold")
    return made


def facts(pairs: Mapping[str, RenderableType]) -> Table:
    """Names on the left, what they are on the right."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style=DIM, no_wrap=True, min_width=9)
    grid.add_column(overflow="fold")
    for name, value in pairs.items():
        grid.add_row(name, value)
    return grid


def indented(what: RenderableType, left: int = 2) -> Padding:
    """A block set in from the left."""
    return Padding(what, (0, 0, 0, left), expand=False)


def heading(text: str) -> Text:
    """The line above a block."""
    return Text(f"\n{text}", "bold")


def bullets(sentences: Sequence[str | Text], sign: str = "-") -> Table:
    """Sentences one below the other, wrapped under themselves."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True, style=DIM)
    grid.add_column(overflow="fold")
    for sentence in sentences:
        grid.add_row(sign, words(sentence) if isinstance(sentence, str) else sentence)
    return grid


def findings(found: Sequence[DataIssue]) -> RenderableType:
    """What is wrong or risky in a folder; nothing when nothing is."""
    if not found:
        return Group()
    grid = Table.grid(padding=(0, 1))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for issue in found:
        sign, style = _SIGNS[issue.severity]
        grid.add_row(Text(sign, style), words(issue.message))
    return Group(heading("Worth knowing about the pictures"), indented(grid))


def class_names(names: Sequence[str]) -> str:
    """The first classes by name, and how many more."""
    shown = ", ".join(escape_control(name) for name in names[:_SHOWN_CLASSES])
    rest = len(names) - _SHOWN_CLASSES
    return f"{shown} and {rest} more" if rest > 0 else shown


def images(found: Dataset) -> Table:
    """What was read: how many pictures of what, in which parts, what was left aside."""
    manifest = found.manifest
    parts = [f"{manifest.count(part):,} {part}" for part in ("train", "val", "test")]
    if manifest.folds:
        parts[1] = f"no val (cross-validation in {manifest.folds} folds instead)"
    if not manifest.count("test"):
        parts[2] = "no test"
    rows: dict[str, RenderableType] = {
        "folder": words(near(found.folder.root)),
        "classes": Text(f"{len(manifest.classes)}: {class_names(manifest.classes)}"),
        "pictures": Text(f"{len(manifest.names):,}: {', '.join(parts)}"),
    }
    aside = found.folder.ignored
    if aside:
        names = ", ".join(escape_control(name) for name in aside[:3])
        rows["ignored"] = Text(
            f"{count(len(aside), 'entry', 'entries')}: {names}"
            + (", ..." if len(aside) > 3 else "")
        )
    return facts(rows)


def scores(reports: Iterable[Report]) -> Table:
    """One line for each held-out split."""
    made = table("part", "pictures", "accuracy", "95 % interval", "macro F1", right=(1, 2, 3, 4))
    for report in reports:
        made.add_row(
            words(report.split),
            f"{report.n:,}",
            Text(percent(report.accuracy), "bold"),
            interval(*report.interval),
            f"{report.macro_f1:.3f}",
        )
    return made


def rate(value: float) -> str:
    """A learning rate: 0.0003 as 3e-4."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    if -3 <= exponent <= 0:
        return f"{value:.3g}"
    return f"{value / 10**exponent:.3g}e{exponent}"


def next_step(command: str, what: str = "next") -> Text:
    """The command to type next, in a form that can be copied."""
    return no_wrap(Text.assemble((f"\n{what:<9}  ", DIM), (escape_control(command), ACCENT)))
