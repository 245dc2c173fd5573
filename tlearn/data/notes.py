"""What a scan did with a folder that its person may not expect, in sentences."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

FOLDER_KINDS = {"no_class", "layout", "merged", "names_alike", "joined_names", "companions"}
FOLDER_KINDS |= {"unknown_class", "system_folder", "columns", "paths", "unpacked"}
FOLDER_KINDS |= {"gray_range", "pages", "preview", "transparent"}
"""Findings on how a folder was read: what became a class, and what became of the pixels."""

_SHOWN = 3
_VARIANTS = re.compile("[\ufe00-\ufe0f\u034f]")
_MARK = r"[\s_.,'`\u00b4\u2010-\u2015\u2018\u2019\u201c\u201d\u2212-]+"
_COPY = re.compile(
    r"[ _-]+(?:copy|kopie|copi[ae])(?: ?\(?\d+\)?)?$| ?\(\d{1,2}\)$|^(?:copy of|kopie von) ",
    re.I,
)
"""What file managers write into the name of a copy."""

# Small letters of other alphabets, and the Latin ones that they, or their capitals, look like.
_LATIN = str.maketrans(
    "\u0430\u03b1\u0251\u0432\u03b2\u0441\u0501\u0435\u03b5\u043d\u04bb\u03b7\u0570\u0456\u03b9\u0131\u0269"
    "\u0458\u043a\u03ba\u04cf\u043c\u03bc\u0578\u043e\u03bf\u0585\u0440\u03c1\u051b\u0455\u0442\u03c4\u057d"
    "\u03bd\u0475\u051d\u0445\u03c7\u0443\u03c5\u04af\u03b6",
    "aaabbcdeehhhhiiiijkklmmnoooppqsttuvvwxxyyyz",
)


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
        target: What is to be learned of it where that is no class; see `targets.matrix`.
    """

    name: str
    class_name: str
    split: str | None
    group: str | None = None
    target: tuple[float, ...] = ()


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
    readings = {reading(name) for name in classes}
    alike: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        original = reading(_COPY.sub("", name))
        alike[original if original in readings else reading(name)].append(name)
    groups = [names for names in alike.values() if len(names) > 1]
    if groups:
        pairs = "; ".join(
            " and ".join(_spelled(name, names) for name in names) for names in groups[:_SHOWN]
        )
        more = f"; and {len(groups) - _SHOWN} more" if len(groups) > _SHOWN else ""
        yield FolderNote(
            "names_alike",
            "warning",
            f"Classes have names that look alike: {pairs}{more}. They differ only in letter case, "
            "spaces, punctuation, accents, the mark of a copy, or letters of another width or "
            "alphabet, and are trained as different classes. Give them one name if they are one "
            "class.",
            tuple(name for names in groups for name in names),
        )


def _spelled(name: str, names: Sequence[str]) -> str:
    """Return a name in quotes, and its letters that look like those of the other names."""
    folded = [other.casefold() for other in names]
    letters = [
        unicodedata.name(letter, repr(letter))
        for letter in dict.fromkeys(name)
        if ord(letter.casefold()[:1]) in _LATIN
        and not all(letter.casefold() in other for other in folded)
    ]
    return f"{name!r} (with {', '.join(letters)})" if letters else repr(name)


def without_invisible(name: str) -> str:
    """Return a name without what nobody sees: joiners, marks of direction, variants of letters."""
    seen = (letter for letter in name if unicodedata.category(letter) != "Cf")
    return _VARIANTS.sub("", "".join(seen))


def reading(name: str) -> str:
    """Return what a person reads in a name: no case, spaces, punctuation, accents or alphabets."""
    plain = unicodedata.normalize("NFKC", without_invisible(name)).casefold().strip()
    plain = "".join(str(unicodedata.decimal(letter, letter)) for letter in plain)
    plain = re.sub(r"(?<![\d.,])0+(?=\d)", "", plain)
    if re.fullmatch(r"[-+]?\d+([.,]\d+)?", plain):  # -1 and 1 are two numbers, 1 and 1.0 are one
        return re.sub(r"[.,]0+$", "", plain)
    plain = re.sub(rf"(?<!\d){_MARK}|{_MARK}(?!\d)", "", plain) or plain
    # An accent on a letter of another alphabet, as on Japanese ones, makes another letter.
    accents = re.sub("([a-z])[\u0300-\u036f]+", r"\1", unicodedata.normalize("NFD", plain))
    return unicodedata.normalize("NFC", accents).translate(_LATIN)
