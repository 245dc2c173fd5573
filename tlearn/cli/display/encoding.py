"""Stand-ins in ASCII for the symbols that a stream's encoding lacks, one character for one."""

from __future__ import annotations

import codecs
import contextlib
from typing import TextIO

ERRORS = "tlearn-ascii"
"""Name of the error handler, for `open(..., errors=ERRORS)`."""

_STAND_INS = str.maketrans(
    {
        character: stand_in
        for stand_in, characters in {
            "+": "✓╭╮╰╯├┤┬┴┼",
            "x": "✗",
            ".": "·▏▎▍",
            "-": "─━╌•",
            "|": "│",
            "*": "◆",
            "#": "█▉▊▋▌",
            ">": "▶",
            "<": "◀",
            "~": "…",
        }.items()
        for character in characters
    }
)


def use_ascii_stand_ins(*streams: TextIO) -> None:
    """Let streams print stand-ins for symbols they lack, and "?" for other characters."""
    for stream in streams:
        if hasattr(stream, "reconfigure"):
            with contextlib.suppress(ValueError):  # it is closed
                stream.reconfigure(errors=ERRORS)


def can_show(stream: TextIO, text: str) -> bool:
    """Return whether a stream's encoding has every character of `text`."""
    try:
        text.encode(stream.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _replace(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(_STAND_INS)
    return "".join(c if c.isascii() else "?" for c in lacking), error.end


codecs.register_error(ERRORS, _replace)
