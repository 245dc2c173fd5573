"""`tlearn export --snippet`: the programs beside the files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from tlearn.cli import render


def read_platforms(names: Sequence[str] | None) -> list[str]:
    """The platforms that were named, each once.

    Raises:
        ExportError: There is no program for one.
    """
    if not names:
        return []
    from tlearn.export.snippets import check_platforms

    return check_platforms(names)


def to_json(programs: Sequence[Path]) -> dict[str, Any]:
    """A part of the document; none where none was asked for."""
    return {"snippets": [str(path) for path in programs]} if programs else {}


def draw(programs: Sequence[Path]) -> list[RenderableType]:
    """The files; how each is used stands at its head."""
    if not programs:
        return []
    files = render.bullets([render.words(render.near(path)) for path in programs])
    return [render.heading("Programs; how each is used stands at its head"), files]
