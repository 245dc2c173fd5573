"""`tlearn export --snippet`: programs that use the exported files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from tlearn.cli.display.formats import relative_path
from tlearn.cli.display.widgets import bullets, heading, safe_text


def read_platforms(names: Sequence[str] | None) -> list[str]:
    """Return the platforms that were named, each once.

    Raises:
        ExportError: There is no program for one of them.
    """
    if not names:
        return []
    from tlearn.export.snippets import check_platforms

    return check_platforms(names)


def to_json(programs: Sequence[Path]) -> dict[str, Any]:
    """Return their entry in the document; an empty list where none was asked for."""
    return {"snippets": [str(path) for path in programs]}


def draw(programs: Sequence[Path]) -> list[RenderableType]:
    """Return the files by name."""
    if not programs:
        return []
    files = bullets([safe_text(relative_path(path)) for path in programs])
    return [heading("Programs (each explains its use in its first lines)"), files]
