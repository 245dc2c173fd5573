"""How work reports on itself: callbacks for progress, and a timer for each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

ProgressCallback = Callable[[str, int, int], None]
"""Called with (step, done, total): the step's name, its units done, and all its units (0 where
their number is not known)."""

StepProgress = Callable[[int, int], None]
"""Called within one step, with (done, total)."""

EpochCallback = Callable[[Mapping[str, Any]], None]
"""Called after every epoch with a record: epoch, epochs, loss, accuracy, val_accuracy, val_loss,
seconds. Epoch 0 is the model before training."""


def no_progress(step: str, done: int, total: int) -> None:
    """Ignore progress; the default of the public functions."""


class Timer:
    """A stopwatch that adds up the seconds of named steps.

    Attributes:
        started: When it was created, by `time.perf_counter`.
        seconds: Seconds by step, in the order in which the steps were first timed.
    """

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, step: str) -> Iterator[None]:
        """Add the seconds that the block takes to those of `step`."""
        started = time.perf_counter()
        try:
            yield
        finally:
            elapsed = time.perf_counter() - started
            self.seconds[step] = round(self.seconds.get(step, 0.0) + elapsed, 3)

    def total(self) -> float:
        """Return the seconds since the timer was created."""
        return round(time.perf_counter() - self.started, 3)
