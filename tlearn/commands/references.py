"""References of a description: BibTeX entries, their labels, and which of them a text cites."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_ENTRY = re.compile(r"^@\w+\{(?P<key>[^,]+),\n.*?^\}$", re.MULTILINE | re.DOTALL)
_FIELD = r"^  {} = \{{(.*?)\}},?$"
_LATEX = {r"Fran\c{c}ois": "François", "{": "", "}": "", "--": "-"}


@dataclass(frozen=True)
class Reference:
    """One entry of a bibliography.

    Attributes:
        key: As BibTeX's cite command takes it.
        bibtex: The entry.
    """

    key: str
    bibtex: str

    @property
    def label(self) -> str:
        """Return the reference as a text names it: "Kumar et al. 2022"."""
        families = [name.split(",")[0] for name in self.field("author").split(" and ")]
        names = " and ".join(families) if len(families) < 3 else f"{families[0]} et al."
        return f"{names} {self.field('year')}".strip()

    @property
    def title(self) -> str:
        """Return the title."""
        return self.field("title")

    @property
    def url(self) -> str:
        """Return where it can be read, or nothing."""
        eprint = self.field("eprint")
        return f"https://arxiv.org/abs/{eprint}" if eprint else self.field("url")

    def field(self, name: str) -> str:
        """Return the text of a field without the marks of LaTeX; empty where there is none."""
        match = re.search(_FIELD.format(name), self.bibtex, re.MULTILINE | re.DOTALL)
        text = " ".join(match[1].split()) if match else ""
        for mark, plain in _LATEX.items():
            text = text.replace(mark, plain)
        return text


@cache
def bibliography() -> dict[str, Reference]:
    """Return every reference that comes with tlearn, by key."""
    text = Path(__file__).with_name("references.bib").read_text("utf-8")
    return {match["key"]: Reference(match["key"], match[0]) for match in _ENTRY.finditer(text)}


def paper_key(url: str) -> str:
    """Return the key of the paper at an address, as the catalog of backbones has it.

    Raises:
        KeyError: It is not in the bibliography.
    """
    for key, reference in bibliography().items():
        if reference.url == url:
            return key
    raise KeyError(url)


def tlearn_reference(version: str | None, year: str) -> Reference:
    """Return the reference to tlearn itself.

    Args:
        version: The version that made the run; None where the run does not say.
        year: When it was used.
    """
    lines = [
        "@software{tlearn,",
        "  author = {{tlearn contributors}},",
        "  title = {tlearn: Transfer Learning on a Folder of Images},",
        *([f"  version = {{{version}}},"] if version else []),
        f"  year = {{{year}}}",
        "}",
    ]
    return Reference("tlearn", "\n".join(lines))


class Citations:
    """The references that a text cites, in the order in which it first does.

    Args:
        own: References beside those of the bibliography.
    """

    def __init__(self, *own: Reference) -> None:
        self._known = bibliography() | {reference.key: reference for reference in own}
        self._cited: dict[str, Reference] = {}

    def __call__(self, *keys: str) -> str:
        """Return a citation as it stands in a text: "[Kumar et al. 2022]"."""
        references = [self._known[key] for key in keys]
        self._cited |= {reference.key: reference for reference in references}
        return f"[{'; '.join(reference.label for reference in references)}]"

    @property
    def references(self) -> tuple[Reference, ...]:
        """Return what was cited so far."""
        return tuple(self._cited.values())
