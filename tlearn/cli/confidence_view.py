"""How promises about answers were kept, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import RenderableType
from rich.text import Text

from tlearn.cli.display.formats import escape_control, percent
from tlearn.cli.display.widgets import BAD, WARN, key_value_table

if TYPE_CHECKING:
    from tlearn.confidence.answer_sets import Coverage
    from tlearn.confidence.operating_point import SensitivityKept
    from tlearn.confidence.strangers import KnownShare, StrangerScores


def broken_promise(broken: Sequence[Coverage]) -> str:
    """Return how the first of some promises was broken."""
    kept = broken[0]
    return (
        f"sets of answers hold the right one for {percent(kept.coverage)} of {kept.n:,} images, "
        f"not {kept.level:.0%} (chance of so few: {kept.p_value:.1g})"
    )


def broken_sensitivity(kept: SensitivityKept) -> str:
    """Return how the promise of an operating point was broken."""
    chance = f"chance of so few: {kept.p_value:.1g}"
    return f"{_found(kept)}, not {percent(kept.level)} ({chance})"


def _found(kept: SensitivityKept) -> str:
    name, share = escape_control(kept.positive), percent(kept.sensitivity)
    return f"{kept.n_right:,} of {kept.n:,} images of {name} are found ({share})"


def to_json(
    coverage: Sequence[Coverage], known: KnownShare | None, refused: Mapping[str, int] | None = None
) -> dict[str, Any]:
    """Return the keys of a document about promises and about images that are known."""
    return {
        "conformal": [asdict(kept) | {"holds": kept.holds} for kept in coverage],
        **known_to_json(known),
        "refused": dict(refused or {}),
    }


def known_to_json(known: KnownShare | None) -> dict[str, Any]:
    """Return the keys of a document about images that are known."""
    return {"known_rate": known and known.share, "unlike_training": known and known.unlike}


def unlike(known: KnownShare) -> Text:
    """Return the warning for images that are not like those of training as a whole."""
    return Text(
        f"\nas a whole these {known.n:,} images are not like those of training "
        f"({percent(known.share)} are known): do not rely on the answers",
        WARN,
    )


def draw_strangers(strangers: StrangerScores) -> Text:
    """Return how many strangers are refused, and whether that is a test."""
    text = f"{percent(1 - strangers.accepted)} of {strangers.n:,} images of no class refused"
    drawn = Text(f"{text}; area under the ROC curve {strangers.auroc:.3f}")
    if strangers.trained_on:
        text = f"\nthe run has learned from {strangers.trained_on:,} of them: this is no test"
        drawn.append(text, WARN)
    return drawn


def draw_confidence(
    coverage: Sequence[Coverage],
    known: KnownShare | None,
    strangers: StrangerScores | None = None,
    sensitivity: SensitivityKept | None = None,
    refused: Mapping[str, int] | None = None,
) -> list[RenderableType]:
    """Return how promises about sets of answers were kept, and how many images are known."""
    rows: dict[str, RenderableType] = {}
    if sensitivity:
        text = f"{_found(sensitivity)}, {percent(sensitivity.level)} promised"
        rows["promise"] = Text(text, "" if sensitivity.holds else BAD)
    for kept in coverage:
        text = f"hold the right one for {percent(kept.coverage)} of {kept.n:,} images"
        text += f", {kept.level:.0%} promised; {kept.mean_size:.2g} in a set on average"
        rows[f"sets of {kept.level:.0%}"] = Text(text, "" if kept.holds else BAD)
    if known:
        text = f"{percent(known.share)} of {known.n:,} images; the others are 'none of these'"
        if refused and any(refused.values()):
            counts = [f"{n:,} of {escape_control(name)}" for name, n in refused.items()]
            text += f" ({', '.join(counts)})" if len(counts) == 2 else ""
            text += ", but count above as if they were answered"
        rows["known"] = Text(text)
        if known.unlike:
            rows[""] = Text("as a whole they are not like the images of training", WARN)
    if strangers:
        rows["strangers"] = draw_strangers(strangers)
    return [Text(), key_value_table(rows)] if rows else []
