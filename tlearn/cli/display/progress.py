"""Progress of a command: one live line, and a line for every step that took a while.

Progress goes to stderr, results go to stdout. While a command works, both descriptors are silenced
(TensorFlow writes to them whatever Python asks); our own output goes through copies made before.
"""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from tlearn.backend.silence import silence_output
from tlearn.cli.display.encoding import ERRORS, can_show
from tlearn.cli.display.formats import duration, escape_control, percent, rough_duration, size
from tlearn.cli.display.widgets import DIM, GOOD
from tlearn.cli.document import document
from tlearn.cli.process import writing_output

_IN_BYTES = {"download weights"}
_OF_IMAGES = {"train", "compute features", "compute augmented views", "compute frozen stages"}
"""Steps that count images without saying so in their name."""

_USUAL_SECONDS = {
    "load TensorFlow": 5,
    "load the backbone": 10,
    "load the model": 8,
    "prepare the backbone (once)": 15,
    "prepare the teacher (once)": 15,
    "save and check": 10,
    "export": 10,
}
"""Seconds of steps that cannot be counted, on an ordinary laptop, by the start of their name."""

_REDRAW_SECONDS = 0.1
_WORTH_A_RATE_SECONDS = 2.0
_WORTH_A_LINE_SECONDS = 1.0
_WIDTH = 28


def console(stream: TextIO) -> Console:
    """Return a console that prints text as it stands: no markup, emoji codes or guessed colors."""
    return Console(file=stream, markup=False, emoji=False, highlight=False)


@dataclass
class _Step:
    """A step under way, since when, and how much of it is done."""

    task: str
    total: int
    began: float
    first: int
    done: int = 0
    drawn: float = 0.0

    def pace(self, now: float) -> str:
        """Return how much is done, how fast, and how long the rest takes."""
        spent = now - self.began
        if not self.total:
            return self._pace_by_experience(spent)
        text = f"{self.done:,}/{self.total:,}"
        if self.task in _IN_BYTES:
            text = f"{size(self.done)}/{size(self.total)}"
        if not self.done or spent < _WORTH_A_RATE_SECONDS:
            return text
        left = rough_duration(spent / self.done * (self.total - self.done))
        pace = "" if self.task in _IN_BYTES else f"  {self.done / spent:.0f}/s"
        return f"{text}{pace}  {left} left"

    def amount(self) -> str:
        """Return how much was done in the end."""
        in_bytes = self.task in _IN_BYTES
        # Of several steps in a row, counted from outside, the number says nothing.
        outside = not in_bytes and self.done == self.first and self.done < self.total
        if outside or not self.done:
            return ""
        if in_bytes:
            return size(self.done)
        return f"{self.done:,}{' images' * (self.task in _OF_IMAGES)}"

    def _pace_by_experience(self, spent: float) -> str:
        if spent < _WORTH_A_RATE_SECONDS:
            return ""
        usual = next((s for name, s in _USUAL_SECONDS.items() if self.task.startswith(name)), 0)
        left = f"  about {rough_duration(usual - spent)} left" if usual > spent else ""
        return f"{spent:.0f} s{left}"


class Display:
    """Shows the progress of one command; use it in a `with` block around the work.

    Args:
        as_json: Print no part of the result; the one document comes afterwards.
        quiet: Show no progress either.
        verbose: Leave a line for short steps too.

    Attributes:
        out: Console for results; during the block it goes past the silence.
        start_note: What to say of the model that training starts from.
    """

    def __init__(self, as_json: bool = False, quiet: bool = False, verbose: bool = False) -> None:
        self.as_json, self._quiet, self._verbose = as_json, quiet, verbose
        self.start_note = ""
        self._stack = ExitStack()
        self._step: _Step | None = None
        self._live: Progress | None = None
        self._best = -1.0

    def __enter__(self) -> Display:
        self.out = console(self._stack.enter_context(_copy(sys.stdout)))
        self._err = console(self._stack.enter_context(_copy(sys.stderr)))
        if self._err.is_terminal and not self._quiet:
            self._live = self._live_line()
            self._live.start()
        self._stack.enter_context(silence_output())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self._finish()
        if self._live:
            self._live.stop()
        # The silence hands its log to the error as a note: it has to see it.
        self._stack.__exit__(kind, error, trace)

    def __call__(self, task: str, done: int, total: int) -> None:
        """Show progress, as a `ProgressCallback`; a total of 0 is a step that cannot be counted."""
        now = time.monotonic()
        step = self._step
        if step is None or step.task != task or done < step.done:
            self._finish()
            step = self._step = _Step(task, total, now, done)
        step.done, step.total = done, total
        if self._live and now - step.drawn >= _REDRAW_SECONDS:
            step.drawn = now
            self._draw(self._live, step)

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Leave a line for a finished epoch."""
        if not self._quiet:
            self._print_line(self._epoch_line(record))

    def show(self, *results: RenderableType) -> None:
        """Print part of the result while the work goes on."""
        if self.as_json:
            return
        if self._live:
            self._live.stop()
        _print(self.out, results)
        if self._live:
            self._live.start()

    def _live_line(self) -> Progress:
        """Return a spinner, task, bar and pace on one line, gone when it stops."""
        one_line = Column(no_wrap=True, overflow="ellipsis")
        dots = can_show(self._err.file, "⠋")  # type: ignore[arg-type]
        live = Progress(
            SpinnerColumn("dots" if dots else "line", style=GOOD),
            TextColumn("{task.description}", markup=False, table_column=one_line),
            BarColumn(14),
            _Pace(self, table_column=one_line.copy()),
            console=self._err,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        live.add_task("", total=None, visible=False)
        return live

    def pace(self) -> str:
        """Return the pace of the step under way."""
        return self._step.pace(time.monotonic()) if self._step else ""

    def _draw(self, live: Progress, step: _Step) -> None:
        (task,) = live.task_ids
        live.update(
            task,
            description=escape_control(step.task),
            completed=step.done,
            total=step.total or None,
            visible=True,
        )

    def _finish(self) -> None:
        """Leave a line for the step under way, if it is worth one."""
        step, self._step = self._step, None
        if step is None or self._quiet:
            return
        seconds = time.monotonic() - step.began
        if seconds < _WORTH_A_LINE_SECONDS and not self._verbose:
            return
        columns = (f"{escape_control(step.task):<{_WIDTH}}", f"{step.amount():>14}")
        line = "  ".join((" ".join(columns), f"{duration(seconds):>10}"))
        self._print_line(Text.assemble(("✓ ", GOOD), (line, DIM)))

    def _print_line(self, line: Text) -> None:
        # The live line moves down by itself: it draws through the same console.
        self._err.print(line, soft_wrap=True)

    def _epoch_line(self, record: Mapping[str, Any]) -> Text:
        number = f"{record['epoch']:>3} of {record['epochs']}"
        first = not record["epoch"]
        line = Text(f"  {'start':<{len(number) + 6}}" if first else f"  epoch {number}")
        if "loss" in record:
            loss, accuracy = record["loss"], record.get("accuracy")
            digits = f"{loss:.3f}" if loss < 10 else f"{loss:.4g}"
            train = "" if accuracy is None else f"   train {percent(accuracy):>6}"
            line.append(f"   loss {digits:>5}{train}", DIM)
        if "val_accuracy" in record:
            line.append(f"   val {percent(record['val_accuracy']):>6}")
            if record["val_accuracy"] > self._best:
                self._best = record["val_accuracy"]
                line.append("" if first else "  best so far", GOOD)
        elif "val_loss" in record:  # numbers are neither right nor wrong
            line.append(f"   val loss {record['val_loss']:.3f}")
        if first and self.start_note:
            line.append(f"  {self.start_note}", DIM)
        return line


class _Pace(ProgressColumn):
    """The pace of the step under way, at the time of each redraw."""

    def __init__(self, display: Display, table_column: Column) -> None:
        super().__init__(table_column)
        self._display = display

    def render(self, task: Task) -> Text:
        return Text(self._display.pace(), DIM)


def print_result(*results: RenderableType) -> None:
    """Print a result for a person."""
    _print(console(sys.stdout), results)


def print_json(values: Mapping[str, Any]) -> None:
    """Print the one document of `--json`."""
    with writing_output():
        print(json.dumps(document(values), indent=2, allow_nan=False), flush=True)


def _print(out: Console, results: Sequence[RenderableType]) -> None:
    # As one group: the console would join loose texts, and forget which are not to be wrapped.
    with writing_output():
        out.print(Group(*results), crop=False)


def _copy(stream: TextIO) -> AbstractContextManager[TextIO]:
    """Return a stream to the same place that `silence_output` does not silence."""
    try:
        number = os.dup(stream.fileno())
    except (OSError, io.UnsupportedOperation):
        return nullcontext(stream)  # in memory: there is no descriptor to silence
    stream.flush()
    return os.fdopen(number, "w", buffering=1, encoding=stream.encoding, errors=ERRORS)
