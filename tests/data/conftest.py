"""Folders nested deeper than Python's stack, or than a path may be long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Nest = Callable[..., None]


@pytest.fixture
def nest() -> Iterator[Nest]:
    """Nest folders below one: `nest(folder, depth=1500)`; they are gone after the test."""
    made: list[tuple[Path, str]] = []

    def wrap(folder: Path, depth: int, name: str = "d") -> None:
        made.append((folder, name))
        for _ in range(depth):
            outer = folder / "outer"
            outer.mkdir(parents=True)
            if (folder / name).exists():
                (folder / name).rename(outer / name)
            outer.rename(folder / name)

    yield wrap
    for folder, name in made:  # pytest could not remove them
        while (folder / name / name).exists():
            (folder / name / name).rename(folder / "inner")
            (folder / name).rmdir()
            (folder / "inner").rename(folder / name)
