"""Where the time went, by name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by name, and since the watch was made."""

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
        """Seconds since the watch was made."""
        return round(time.perf_counter() - self._started, 3)


Watch = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


def silent(task: str, done: int, total: int) -> None:
    """A watch that looks away."""
