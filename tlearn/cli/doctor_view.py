"""What `tlearn doctor` found, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import interval, percent, pluralize
from tlearn.cli.display.widgets import (
    DIM,
    GOOD,
    WARN,
    bullets,
    dataset_table,
    heading,
    indented,
    issue_block,
    safe_lines,
    safe_text,
    table,
)
from tlearn.doctor.sentences import sentences

if TYPE_CHECKING:
    from tlearn.doctor.examination import Examination
    from tlearn.doctor.moves import Move
    from tlearn.doctor.shortcuts import Shortcut

_SHOWN = 5


def draw_findings(found: Examination, verbose: bool) -> list[RenderableType]:
    """Return the folder and what was found in it, each kind with its worst examples.

    Args:
        found: The examination.
        verbose: List everything.
    """
    blocks: list[RenderableType] = [Text(), dataset_table(found.dataset), heading("Found")]
    said = sentences(found)
    nothing = "nothing else" if found.other_issues else "nothing wrong"
    blocks.append(indented(bullets(said) if said else Text(f"{nothing} was found", GOOD)))
    if found.left_out:
        blocks.append(indented(Text(found.left_out, DIM)))
    blocks += issue_block(found.other_issues)
    shown = None if verbose else _SHOWN
    if found.copies:
        blocks += _listed("Copies", draw_copies(found, shown), len(found.copies), shown)
    if found.labels:
        blocks += _listed("Labels", draw_labels(found, shown), len(found.labels), shown)
    if found.images:
        blocks += _listed("Images", draw_images(found, shown), len(found.images), shown)
    if found.overall_shortcuts and (verbose or any(s.suspicious for s in found.shortcuts)):
        blocks += [heading("What tells the classes apart"), indented(draw_shortcuts(found))]
    return blocks


def draw_copies(found: Examination, shown: int | None) -> RenderableType:
    """Return groups of copies, one a line."""
    rows = table("kind", "", "images")
    for group in found.copies[:shown]:
        where = [found.contradiction.removeprefix("in ")] * group.across_classes + [
            "both sides"
        ] * group.across_splits
        rows.add_row(
            safe_text(group.kind),
            Text(", ".join(where), WARN),
            safe_text(" = ".join(group.paths[:2]) + _more(len(group.paths) - 2)),
        )
    return rows


def draw_labels(found: Examination, shown: int | None) -> RenderableType:
    """Return labels that may be wrong, the surest first."""
    rows = table("image", "label", "perhaps", "sure", right=(3,))
    for label in found.labels[:shown]:
        names = (safe_text(name) for name in (label.path, label.label, label.suggested))
        rows.add_row(*names, percent(label.confidence, 0))
    return rows


def draw_images(found: Examination, shown: int | None) -> RenderableType:
    """Return images that may be faulty."""
    rows = table("image", "issue", "")
    for image in found.images[:shown]:
        rows.add_row(
            safe_text(image.path or "most images"), Text(image.issue), safe_text(image.detail, DIM)
        )
    return rows


def draw_shortcuts(found: Examination) -> RenderableType:
    """Return how well the classes are told apart by what is not their matter."""
    shortcuts = found.overall_shortcuts
    rows = table("by", "accuracy", "95% interval", "", right=(1, 2))
    if found.accuracy is not None:
        rows.add_row("the images themselves", percent(found.accuracy), "", "")
    for shortcut in shortcuts:
        rows.add_row(
            safe_text(shortcut.name),
            percent(shortcut.accuracy),
            interval(*shortcut.interval),
            _mark(shortcut),
        )
    rows.add_row("guessing", percent(shortcuts[0].guessing), "", "")
    return rows


def draw_files(page: str, moves: Sequence[Move]) -> RenderableType:
    """Return where the images can be seen, and how many moves were listed.

    Args:
        page: Path of the page.
        moves: Lines of moves.csv beside it.
    """
    n_suggested = sum(bool(move.suggestion) for move in moves)
    what = f", {n_suggested:,} with a suggested move" if n_suggested else " to look at"
    listed = f"\nmoves.csv beside it lists {pluralize(len(moves), 'file')}{what}"
    return safe_lines(f"\nAll of it with images: {page}" + listed * bool(moves))


def _listed(
    title: str, rows: RenderableType, n: int, shown: int | None
) -> Sequence[RenderableType]:
    more = n - (shown or n)
    rest = [indented(Text(f"and {more:,} more: --verbose", DIM))] if more > 0 else []
    return [heading(title), indented(rows), *rest]


def _mark(shortcut: Shortcut) -> Text:
    return Text("! suspicious", WARN) if shortcut.suspicious else Text()


def _more(n: int) -> str:
    return f" and {n} more" if n > 0 else ""
