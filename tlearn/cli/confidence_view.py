"""How promises about answers were kept, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import percent
from tlearn.cli.display.widgets import BAD, WARN, key_value_table

if TYPE_CHECKING:
    from tlearn.confidence.answer_sets import Coverage
    from tlearn.confidence.strangers import KnownShare


def broken_promise(broken: Sequence[Coverage]) -> str:
    """Return how the first of some promises was broken."""
    kept = broken[0]
    return (
        f"sets of answers hold the right one for {percent(kept.coverage)} of {kept.n:,} images, "
        f"not {percent(kept.level)} (chance of so few: {kept.p_value:.1g})"
    )


def draw_confidence(coverage: Sequence[Coverage], known: KnownShare | None) -> list[RenderableType]:
    """Return how promises about sets of answers were kept, and how many images are known."""
    rows: dict[str, RenderableType] = {}
    for kept in coverage:
        text = f"hold the right one for {percent(kept.coverage)} of {kept.n:,} images"
        text += f", {percent(kept.level)} promised; {kept.mean_size:.2g} classes on average"
        rows[f"sets of {percent(kept.level)}"] = Text(text, "" if kept.holds else BAD)
    if known:
        text = f"{percent(known.share)} of {known.n:,} images; the others are none of the classes"
        rows["known"] = Text(text)
        if known.unlike:
            rows[""] = Text("as a whole they are not like the images of training", WARN)
    return [Text(), key_value_table(rows)] if rows else []
