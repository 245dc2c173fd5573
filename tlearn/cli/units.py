"""Times and sizes as a person writes them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tlearn.errors import RecipeError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "": 60}
_MILLISECONDS = {"ms": 1, "s": 1000, "": 1}
_BYTES = {"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}


def parse_time(words: str, flag: str) -> float:
    """Seconds of "45s", "90m", "1.5h" or a bare number of minutes.

    Raises:
        RecipeError: It is none of these.
    """
    return _parse(words, flag, _SECONDS, "a time", "45s, 90m or 2h")


def parse_latency(words: str, flag: str) -> float:
    """Milliseconds of "30ms", "0.5s" or a bare number of milliseconds.

    Raises:
        RecipeError: It is none of these.
    """
    return _parse(words, flag, _MILLISECONDS, "a time", "30ms or 0.5s")


def parse_size(words: str, flag: str) -> float:
    """Bytes of "4MB", "900 kB" or a bare number of bytes.

    Raises:
        RecipeError: It is none of these.
    """
    return _parse(words, flag, _BYTES, "a size", "900kB or 4MB")


def _parse(words: str, flag: str, units: Mapping[str, float], what: str, example: str) -> float:
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", words.strip().lower())
    if not found or not float(found[1]) or found[2] not in units:
        raise RecipeError(f"{flag} {words}: not {what}", f"as in {flag} {example}")
    return float(found[1]) * units[found[2]]
