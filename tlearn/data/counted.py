"""Numbers of things in sentences, and the first of a long list."""

from __future__ import annotations

from collections.abc import Sequence, Sized

SHOWN = 3
"""Things that are named; the others are counted."""


def count(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: "1 image", "3 images"."""
    return f"{number} {singular if number == 1 else plural or singular + 's'}"


def are(items: Sized) -> str:
    """Return the verb for some things: "is" for one."""
    return "is" if len(items) == 1 else "are"


def them(items: Sized) -> str:
    """Return the pronoun for some things: "it" for one."""
    return "it" if len(items) == 1 else "them"


def first(texts: Sequence[str]) -> str:
    """Return the first few of a list, and how many more there are."""
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
