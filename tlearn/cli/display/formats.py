"""Numbers, names and paths as text: pure functions without layout.

Class names, file names and messages are other people's text: it goes through `escape_control`
before it reaches a terminal.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from tlearn.errors import pasted
from tlearn.evaluation import wording

duration, points = wording.duration, wording.points
interval, policy_name = wording.percent_interval, wording.policy_in_words

_SHOWN_CLASSES = 12
_EIGHTHS = " ▏▎▍▌▋▊▉"


def escape_control(text: object) -> str:
    """Return text in which control characters are spelled out instead of sent."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))


def percent(share: float | None, digits: int = 1) -> str:
    """Return 0.958 as "95.8%", or "96%" with no digits, and a dash for None."""
    if share is None:
        return "-"
    return wording.percent(share) if digits == 1 else f"{100 * share:.{digits}f}%"


def rough_percent(share: float) -> str:
    """Return a forecast of accuracy in whole percent: "96%", and "over 99%" for nearly all."""
    return "over 99%" if share > 0.995 else percent(share, 0)


def change(difference: float) -> str:
    """Return a change of accuracy in points with its sign, "none" if it rounds to 0."""
    number = f"{100 * difference:+.1f}"
    return "none" if number in ("+0.0", "-0.0") else number


def pluralize(number: int, singular: str, plural: str = "") -> str:
    """Return a number with its noun: "1 image", "2 images"."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def size(n_bytes: float) -> str:
    """Return bytes in the unit that reads best."""
    for unit in ("bytes", "kB", "MB"):
        if n_bytes < 1000:
            return f"{n_bytes:.0f} {unit}" if unit == "bytes" else f"{n_bytes:.1f} {unit}"
        n_bytes /= 1000
    return f"{n_bytes:.1f} GB"


def rough_duration(seconds: float) -> str:
    """Return a forecast of seconds, no more precise than it is: "8 s", "50 s", "2 min", "1.5 h"."""
    if seconds < 20:
        return f"{max(1, round(seconds))} s"
    if seconds < 55:
        return f"{10 * round(seconds / 10)} s"
    if seconds < 3420:
        return f"{max(1, round(seconds / 60))} min"
    return f"{round(2 * seconds / 3600) / 2:g} h"


def learning_rate(value: float) -> str:
    """Return 0.0003 as "3e-4"."""
    if value == 0:
        return "0"
    exponent = math.floor(math.log10(value))
    if -3 <= exponent <= 0:
        return f"{value:.3g}"
    return f"{value / 10**exponent:.3g}e{exponent}"


def bar(share: float, width: int = 30) -> str:
    """Return a bar of `width` cells, filled to eighths of a cell."""
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def quantization_name(mode: str) -> str:
    """Return the numbers in an exported file as people write them: "float32", "int8-float"."""
    return "float32" if mode == "none" else mode.replace("_", "-")


def backbone_name(name: str) -> str:
    """Return a backbone as it is called in a sentence."""
    return "the built-in backbone" if name == "builtin" else escape_control(name)


def stages_name(head_stages: str) -> str:
    """Return what a head reads: "stage 3", "stages 3,4,5", "the last stage"."""
    if head_stages == "last":
        return "the last stage"
    return f"stage{'s' * (',' in head_stages)} {head_stages}"


def option_name(policy: str, head_stages: str) -> str:
    """Return a way to train: "linear-head", "deep on stages 3,4,5"."""
    return policy_name(policy) + f" on {stages_name(head_stages)}" * (head_stages != "last")


def class_names(names: Sequence[str], shown: int = _SHOWN_CLASSES) -> str:
    """Return the first classes by name, and how many more there are."""
    rest = len(names) - shown
    first = ", ".join(escape_control(name) for name in names[:shown])
    return f"{first} and {rest} more" if rest > 0 else first


def outputs_row(task: str | None, names: Sequence[str]) -> dict[str, str]:
    """Return what a model answers as a row of a table: "labels" to "5: daisy, rose, ..."."""
    if task in ("number", "one_class"):
        return {"number" if task == "number" else "output": class_names(names)}
    named = f"{len(names)}: {class_names(names)}"
    return {"labels" if task == "labels" else "classes": named}


def enumeration(items: Iterable[str]) -> str:
    """Return words as a list in a sentence: "a, b and c"."""
    *first, last = items
    return f"{', '.join(first)} and {last}" if first else last


def relative_path(path: Path | str) -> str:
    """Return a path relative to the working folder if it is inside, else absolute."""
    absolute, here = Path(path).absolute(), Path.cwd()
    return str(absolute.relative_to(here)) if absolute.is_relative_to(here) else str(absolute)


def shell_path(path: Path | str) -> str:
    """Return the same path as it is typed in a shell, quoted where that is needed."""
    return pasted(relative_path(path))
