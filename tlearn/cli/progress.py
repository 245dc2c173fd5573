"""What a person sees while the api works: one live line, and a line for every finished step.

Progress goes to stderr, results go to stdout. While the api runs, both descriptors are silenced
(TensorFlow writes to them whatever Python asks); what is ours goes through copies made before.
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
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn
from rich.table import Column
from rich.text import Text

from tlearn.backend.silence import silence_output
from tlearn.cli.document import document
from tlearn.cli.render import DIM, GOOD, duration, escape_control, percent, size

_IN_BYTES = {"download weights"}
_REDRAW_SECONDS = 0.1
_WORTH_A_RATE_SECONDS = 2.0
_WIDTH = 28


def console(stream: TextIO) -> Console:
    """A console that takes text as it stands: no markup, no emoji codes, no guessed colours."""
    return Console(file=stream, markup=False, emoji=False, highlight=False)


@dataclass
class _Step:
    """A step under way; its time and its pace."""

    task: str
    total: int
    began: float
    first: int
    done: int = 0
    drawn: float = 0.0

    def pace(self, now: float) -> str:
        """How much of how much, how fast, and how long it still takes."""
        if not self.total:
            return ""
        spent = now - self.began
        text = f"{self.done:,}/{self.total:,}"
        if self.task in _IN_BYTES:
            text = f"{size(self.done)}/{size(self.total)}"
        if not self.done or spent < _WORTH_A_RATE_SECONDS:
            return text
        left = duration(spent / self.done * (self.total - self.done))
        pace = "" if self.task in _IN_BYTES else f"  {self.done / spent:.0f}/s"
        return f"{text}{pace}  {left} left"

    def amount(self) -> str:
        """How much was done in the end."""
        in_bytes = self.task in _IN_BYTES
        # Of several steps in a row, counted from outside, the number says nothing.
        outside = not in_bytes and self.done == self.first and self.done < self.total
        if outside or not self.done:
            return ""
        return size(self.done) if in_bytes else f"{self.done:,}"


class Display:
    """Watches the api; use it in a `with` block around one call.

    Args:
        as_json: Say nothing where stderr is not a terminal, and nothing on stdout at all.

    Attributes:
        out: Console for results; during the block it goes past the silence.
    """

    def __init__(self, as_json: bool = False) -> None:
        self._as_json = as_json
        self._stack = ExitStack()
        self._step: _Step | None = None
        self._live: Progress | None = None
        self._shown: TaskID | None = None
        self._best = -1.0

    def __enter__(self) -> Display:
        self.out = console(self._stack.enter_context(_copy(sys.stdout)))
        self._err = console(self._stack.enter_context(_copy(sys.stderr)))
        if self._err.is_terminal:
            self._live = _live_line(self._err)
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
        if now - step.drawn >= _REDRAW_SECONDS:
            step.drawn = now
            self._draw(step, now)

    def epoch(self, record: Mapping[str, Any]) -> None:
        """Take note of a finished epoch."""
        if self._speaks:
            self._say(self._epoch_line(record))

    def show(self, *results: RenderableType) -> None:
        """Print part of the result while the api still works."""
        if self._as_json:
            return
        if self._live:
            self._live.stop()
        _print(self.out, results)
        if self._live:
            self._live.start()

    @property
    def _speaks(self) -> bool:
        return bool(self._live) or not self._as_json

    def _draw(self, step: _Step, now: float) -> None:
        if not self._live:
            return
        if self._shown is None:
            self._shown = self._live.add_task("", total=None, pace="")
        self._live.update(
            self._shown,
            description=escape_control(step.task),
            completed=step.done,
            total=step.total or None,
            pace=step.pace(now),
        )

    def _finish(self) -> None:
        """Leave a line for the step under way, if there is one."""
        step, self._step = self._step, None
        if step is None or not self._speaks:
            return
        spent = duration(time.monotonic() - step.began)
        facts = f"{escape_control(step.task):<{_WIDTH}} {step.amount():>10}  {spent:>10}"
        self._say(Text.assemble(("✓ ", GOOD), (facts, DIM)))

    def _say(self, line: Text) -> None:
        # The live line moves down by itself: it draws through the same console.
        self._err.print(line, soft_wrap=True)

    def _epoch_line(self, record: Mapping[str, Any]) -> Text:
        number = f"{record['epoch']:>3} of {record['epochs']}"
        line = Text(
            f"  epoch {number}" if record["epoch"] else f"  {'as it came':<{len(number) + 6}}"
        )
        if "loss" in record:
            line.append(
                f"   loss {record['loss']:.3f}   train {percent(record['accuracy']):>7}", DIM
            )
        if "val_accuracy" in record:
            line.append(f"   val {percent(record['val_accuracy']):>7}")
            if record["val_accuracy"] > self._best:
                self._best = record["val_accuracy"]
                line.append("  best so far", GOOD)
        return line


def _print(out: Console, results: Sequence[RenderableType]) -> None:
    # As one group: the console would join loose texts, and forget which are not to be wrapped.
    out.print(Group(*results), crop=False)


def _live_line(err: Console) -> Progress:
    """Spinner, task, bar and pace on one line, gone when it stops."""
    one_line = Column(no_wrap=True, overflow="ellipsis")
    return Progress(
        SpinnerColumn(style=GOOD),
        TextColumn("{task.description}", markup=False, table_column=one_line),
        BarColumn(14),
        TextColumn("{task.fields[pace]}", style=DIM, markup=False, table_column=one_line.copy()),
        console=err,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )


def _copy(stream: TextIO) -> AbstractContextManager[TextIO]:
    """A stream to the same place that `silence_output` does not silence."""
    try:
        number = os.dup(stream.fileno())
    except (OSError, io.UnsupportedOperation):
        return nullcontext(stream)  # in memory: there is no descriptor to silence
    stream.flush()
    return os.fdopen(number, "w", buffering=1, encoding=stream.encoding, errors="replace")


def print_result(*results: RenderableType) -> None:
    """Print a result for a person."""
    _print(console(sys.stdout), results)


def print_json(values: Mapping[str, Any]) -> None:
    """Print the one document of `--json`."""
    print(json.dumps(document(values), indent=2, allow_nan=False), flush=True)
