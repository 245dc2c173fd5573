"""`tlearn describe`: what a run did, as a Methods paragraph with its references."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli import options
from tlearn.cli.display.formats import shell_path
from tlearn.cli.display.progress import print_json, print_result
from tlearn.cli.display.widgets import (
    DIM,
    WARN,
    bullets,
    heading,
    indented,
    next_step,
    no_wrap,
    safe_lines,
    safe_text,
    table,
)

if TYPE_CHECKING:
    from tlearn.commands.describe import Description


def describe(
    run: options.Run = None,
    bibtex: Annotated[
        bool, options.switch("Print the references alone, as BibTeX.", "--bibtex")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Describe a run as the Methods section of a paper does, with citations.

    Everything is read from the run's files, and only what was really done is said.

    Example: [cyan]tlearn describe[/]
    Its references: [cyan]tlearn describe runs/20260101-120000-deep --bibtex[/]
    """
    from tlearn.commands import describe as commands

    description = commands.describe(run)
    if as_json:
        print_json(to_json(description))
    elif bibtex:
        print_result(*bibtex_lines(description))
    else:
        print_result(*draw(description))


def to_json(description: Description) -> dict[str, Any]:
    """Return the text, each reference, and all of them as one BibTeX file."""
    return {
        "run": str(description.run.path),
        "text": description.text,
        "references": [
            {"key": r.key, "label": r.label, "title": r.title, "url": r.url or None}
            for r in description.references
        ],
        "bibtex": description.bibtex,
        "missing": list(description.missing),
    }


def bibtex_lines(description: Description) -> list[RenderableType]:
    """Return the references as they stand in a .bib file."""
    return [no_wrap(safe_lines(description.bibtex))]


def draw(description: Description) -> list[RenderableType]:
    """Return the paragraph, what it cites, and what to add by hand."""
    references = table("cited as", "title")
    for reference in description.references:
        where = f"  {reference.url}" if reference.url else ""
        references.add_row(reference.label, Text.assemble(reference.title, (where, DIM)))
    blocks: list[RenderableType] = [
        Text(),
        safe_text(description.text),
        heading("References"),
        indented(references),
    ]
    if description.missing:
        missing = [Text(sentence, WARN) for sentence in description.missing]
        blocks += [heading("The run does not say"), indented(bullets(missing))]
    command = f"tlearn describe {shell_path(description.run.path)} --bibtex > references.bib"
    return [*blocks, next_step(command)]
