"""Annotations of GitHub Actions: lines of output that become marks on a commit."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated

from tlearn.cli import options
from tlearn.cli.display.formats import escape_control
from tlearn.cli.process import writing_output

_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = _DATA | {":": "%3A", ",": "%2C"}


class Output(StrEnum):
    """What a command prints besides its result."""

    GITHUB = "github"


Annotations = Annotated[
    Output | None,
    options.option(
        "github: also print annotations, which GitHub Actions shows on the commit.",
        "github",
        options.OUTPUT,
        "--output",
    ),
]


def annotation(level: str, title: str, message: str) -> str:
    """Return a line that GitHub Actions shows on the commit.

    Args:
        level: "error", "warning" or "notice".
        title: Its first line.
        message: What it says; may hold other people's names.

    References:
        Workflow commands for GitHub Actions: in a message % and line ends are escaped, in a
        property : and , too.
    """
    lines = "\n".join(escape_control(line) for line in message.split("\n"))
    return f"::{level} title={_escape(title, _PROPERTY)}::{_escape(lines, _DATA)}"


def print_annotations(lines: Iterable[str], as_json: bool) -> None:
    """Print annotations on stdout, or on stderr beside a JSON document: GitHub reads both."""
    with writing_output():
        for line in lines:
            print(line, file=sys.stderr if as_json else sys.stdout, flush=True)


def _escape(text: str, codes: dict[str, str]) -> str:
    return "".join(codes.get(character, character) for character in text)
