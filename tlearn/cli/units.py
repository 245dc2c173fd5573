"""Times and sizes as people write them, parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tlearn.errors import RecipeError

_SECONDS = {"s": 1, "m": 60, "h": 3600, "": 60}
_MILLISECONDS = {"ms": 1, "s": 1000, "": 1}
_BYTES = {"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}


def parse_time(text: str, flag: str) -> float:
    """Return the seconds of "45s", "90m", "1.5h" or a bare number of minutes.

    Raises:
        RecipeError: It is none of these.
    """
    return _parse(text, flag, _SECONDS, "a time", "45s")


def parse_latency(text: str, flag: str) -> float:
    """Return the milliseconds of "30ms", "0.5s" or a bare number of milliseconds.

    Raises:
        RecipeError: It is none of these.
    """
    return _parse(text, flag, _MILLISECONDS, "a time", "30ms")


def parse_size(text: str, flag: str) -> float:
    """Return the bytes of "4MB" or "900 kB"; a bare 4 was meant as megabytes, as a rule.

    Raises:
        RecipeError: It is none of these.
    """
    return _parse(text, flag, _BYTES, "a size", "4MB")


def _parse(text: str, flag: str, units: Mapping[str, float], kind: str, example: str) -> float:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not parts or not float(parts[1]) or parts[2] not in units:
        unit_names = ", ".join(unit for unit in units if unit)
        raise RecipeError(
            f"{flag} '{text}': not {kind}",
            f"write a number and a unit ({unit_names}): {flag} {example}",
        )
    return float(parts[1]) * units[parts[2]]
