"""How work reports on itself: callbacks for progress, and a timer for each step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

ProgressCallback = Callable[[str, int, int], None]
"""Called with the step, the units of it that are done, and the units in all (0 if unknown)."""

StepProgress = Callable[[int, int], None]
"""Called within one step, with the units done and the units in all."""


def no_progress(step: str, done: int, total: int) -> None:
    """Ignore progress: the default of the public functions."""


class Timer:
    """Measures the seconds of named steps, and those since it was made."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, name: str) -> Iterator[None]:
        """Add the block's seconds to `name`."""
        began = time.perf_counter()
        try:
            yield
        finally:
            spent = time.perf_counter() - began
            self.seconds[name] = round(self.seconds.get(name, 0.0) + spent, 3)

    def total(self) -> float:
        """Return the seconds since the timer was made."""
        return round(time.perf_counter() - self._started, 3)
