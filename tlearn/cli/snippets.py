"""`tlearn export --snippet --bundle`: programs that use the exported files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import relative_path
from tlearn.cli.display.widgets import DIM, bullets, heading, safe_text
from tlearn.errors import ExportError

if TYPE_CHECKING:
    from tlearn.export.parity import Artifact


@dataclass(frozen=True)
class Wanted:
    """The programs that were asked for.

    Attributes:
        platforms: What they are written for, each once.
        bundle: Whether what runs a web page is laid beside it.
    """

    platforms: Sequence[str] = ()
    bundle: bool = False

    @property
    def teaching(self) -> bool:
        """Return whether one of them reads what the head of a file reads."""
        return "teach" in self.platforms

    @property
    def formats(self) -> list[str]:
        """Return the formats that they read."""
        if not self.platforms:
            return []
        from tlearn.export.snippets import format_for

        return [format_for(platform) for platform in self.platforms]

    def write(self, artifacts: Sequence[Artifact]) -> list[Path]:
        """Write them beside files that were exported."""
        from tlearn import api

        return api.write_snippets(artifacts, self.platforms, bundle=self.bundle)


def read_wanted(names: Sequence[str] | None, bundle: bool) -> Wanted:
    """Return the programs that `--snippet` and `--bundle` ask for.

    Raises:
        ExportError: There is no program for a platform, or none that needs a bundle.
        HostError: What fetches the bundle is not on this machine.
    """
    if not names and not bundle:
        return Wanted()
    from tlearn.export import web_runtime
    from tlearn.export.snippets import PAGES, check_platforms

    platforms = check_platforms(names or ())
    if bundle:
        if not PAGES.intersection(platforms):
            raise ExportError(
                "--bundle lays beside a web page what runs it, and no page was asked for",
                "ask for one: tlearn export --snippet web --bundle",
            )
        web_runtime.find_npm()
    return Wanted(platforms, bundle)


def formats_of(platforms: Sequence[str]) -> list[str]:
    """Return the formats that programs for some platforms read."""
    if not platforms:
        return []
    from tlearn.export.snippets import format_for

    return [format_for(platform) for platform in platforms]


def to_json(programs: Sequence[Path]) -> dict[str, Any]:
    """Return their entry in the document; an empty list where none was asked for."""
    return {"snippets": [str(path) for path in programs]}


def draw(programs: Sequence[Path]) -> list[RenderableType]:
    """Return the files by name, and what a page still needs."""
    if not programs:
        return []
    from tlearn.export import web_runtime

    files = bullets([safe_text(relative_path(path)) for path in programs])
    lines: list[RenderableType] = [
        heading("Programs (each explains its use in its first lines)"),
        files,
    ]
    pages = [path for path in programs if path.suffix == ".html"]
    if pages and (missing := web_runtime.missing(pages[0].parent)):
        lines.append(Text(f"not yet beside the page: {', '.join(missing)}; add --bundle", DIM))
    return lines
