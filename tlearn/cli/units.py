"""Times and sizes as people write them, parsed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from tlearn.errors import RecipeError, pasted

_SECONDS = {"s": 1, "m": 60, "h": 3600, "": 60}
_MILLISECONDS = {"ms": 1, "s": 1000, "": 1}
OF_CLASSES = ("--min-recall", "--prior")
"""Flags that take a class and its share."""

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


def parse_share(text: str, flag: str, example: str = "0.9 or 90%") -> float:
    """Return the share of ".9", "0.9" or "90%", from 0 to 1.

    Args:
        text: The share.
        flag: What it was given to.
        example: What a share looks like there.

    Raises:
        RecipeError: It is none of these.
    """
    number = text.strip()
    is_percent = number.endswith("%")
    try:
        share = float(number.removesuffix("%")) / (100 if is_percent else 1)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise RecipeError(
            f"{flag} '{text}': not a share from 0 to 1",
            f"write it as {example}, as in: "
            f"{flag} {'cats=' * (flag in OF_CLASSES)}{example.split()[0]}",
        )
    return share


def parse_refuse(text: str) -> float:
    """Return the share that --refuse was given, less than 1.

    Raises:
        RecipeError: It is no such share.
    """
    share = parse_share(text, "--refuse", "5% or 0.05")
    if share == 1:
        raise RecipeError(
            f"--refuse '{text}': every image would be refused",
            "give the share of images of the classes that may be refused: --refuse 5%",
        )
    return share


def parse_class_shares(texts: Sequence[str], flag: str) -> dict[str, float]:
    """Return class to share of texts such as "cats=0.9".

    Raises:
        RecipeError: A text is no such pair, or a class is named twice.
    """
    shares: dict[str, float] = {}
    for text in texts:
        name, sign, share = text.rpartition("=")
        if not (sign and name):
            raise RecipeError(
                f"{flag} '{text}': not a class and its share",
                f"write the class, = and the share, as in: {flag} cats=0.9",
            )
        if name in shares:
            raise RecipeError(
                f"{flag} names the class '{name}' twice",
                f"leave one of them out: {flag} {pasted(text)}",
            )
        shares[name] = parse_share(share, flag)
    return shares


def parse_ratio(text: str, flag: str) -> tuple[float, float]:
    """Return the two numbers of a cost such as "10:1".

    Raises:
        RecipeError: It is no pair of numbers above 0.
    """
    try:
        missed, false_alarm = map(float, text.split(":"))
    except ValueError:
        missed = false_alarm = 0.0
    if not (0 < missed < float("inf") and 0 < false_alarm < float("inf")):
        raise RecipeError(
            f"{flag} '{text}': not two numbers above 0",
            f"write what an image costs that is missed, and a false alarm: {flag} 10:1",
        )
    return missed, false_alarm
