"""What a scan did with a folder that its person may not expect, in sentences."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

FOLDER_KINDS = {"no_class", "layout", "merged", "names_alike", "joined_names", "companions"}
FOLDER_KINDS |= {"system_folder", "columns", "paths", "unpacked"}
FOLDER_KINDS |= {"gray_range", "pages", "preview", "transparent"}
"""Findings on how a folder was read: what became a class, and what became of the pixels."""

_SHOWN = 3
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufe0f\ufeff]")


class FolderNote(NamedTuple):
    """Something that a scan found out; the fields are those of `inspection.DataIssue`."""

    kind: str
    severity: str
    message: str
    names: tuple[str, ...]


class Row(NamedTuple):
    """One image of a scan.

    Attributes:
        name: Path relative to the folder, with forward slashes.
        class_name: Name of its class.
        split: "train", "val" or "test"; None where it is to be drawn.
        group: What it shares with images that have to stay with it; None where that is not known.
    """

    name: str
    class_name: str
    split: str | None
    group: str | None = None


def archive_names(notes: Sequence[FolderNote]) -> tuple[str, ...]:
    """Return the names of the archives that a folder was unpacked from; none of another folder."""
    return tuple(name for note in notes if note.kind == "unpacked" for name in note.names)


def listed(names: Iterable[object]) -> str:
    """Return the first names in quotes, and how many more there are."""
    shown = [repr(name) for name in names]
    more = f" and {len(shown) - _SHOWN} more" if len(shown) > _SHOWN else ""
    return ", ".join(shown[:_SHOWN]) + more


def composed(name: str) -> str:
    """Return a name with its accents composed (NFC), as most systems but macOS write them."""
    return unicodedata.normalize("NFC", name)


def join_forms(
    rows: Sequence[Row], known: Sequence[str] = ()
) -> tuple[list[Row], tuple[FolderNote, ...]]:
    """Join classes whose names are the same but for the Unicode form of their letters.

    Args:
        rows: What was found.
        known: Classes of a model that is to be scored, whose spelling counts.
    """
    forms: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        forms[composed(row.class_name)].add(row.class_name)
    spelling = {composed(name): name for name in known}
    for name, written in forms.items():
        spelling.setdefault(name, name if len(written) > 1 else next(iter(written)))
    joined = [row._replace(class_name=spelling[composed(row.class_name)]) for row in rows]
    several = tuple(sorted(name for name, written in forms.items() if len(written) > 1))
    if not several:
        return joined, ()
    message = (
        f"{listed(several)} is written in two ways that look the same (Unicode composed and "
        "decomposed, NFC and NFD), as happens between macOS and other systems: counted as one "
        "class."
    )
    return joined, (FolderNote("joined_names", "note", message, several),)


def names_alike(classes: Sequence[str]) -> Iterator[FolderNote]:
    """Yield a note on classes whose names read alike: probably one class written in two ways."""
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        alike[reading(name)].append(name)
    groups = [names for names in alike.values() if len(names) > 1]
    if groups:
        pairs = "; ".join(" and ".join(map(repr, names)) for names in groups[:_SHOWN])
        more = f"; and {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
        yield FolderNote(
            "names_alike",
            "warning",
            f"Classes have names that look alike: {pairs}{more}. They differ only in letter case, "
            "spaces, punctuation or the width of letters, and are trained as different classes. "
            "Give them one name if they are one class.",
            tuple(name for names in groups for name in names),
        )


def reading(name: str) -> str:
    """Return what a person reads in a name: no case, spaces, punctuation or width of letters."""
    plain = _INVISIBLE.sub("", unicodedata.normalize("NFKC", name)).casefold().strip()
    plain = re.sub(r"(?<![\d.,])0+(?=\d)", "", plain)
    if re.fullmatch(r"[-+]?\d+([.,]\d+)?", plain):  # -1 and 1 are two numbers, 1 and 1.0 are one
        return re.sub(r"[.,]0+$", "", plain)
    mark = r"[\s_.,'\u2019`\u00b4-]+"
    return re.sub(rf"(?<!\d){mark}|{mark}(?!\d)", "", plain) or plain
