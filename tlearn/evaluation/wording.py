"""Numbers, settings and keys of a plan in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlearn.storage.text import escape_invisible

_KEYS = {
    "n_train": "training images",
    "n_val": "validation images",
    "n_test": "test images",
    "head_stages": "head reads stages",
    "tuned_stages": "stages tuned",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "litert": "LiteRT",
    "numpy": "NumPy",
    "pillow": "Pillow",
    "python": "Python",
    "tlearn": "tlearn",
}


_STEPS = {
    "decode": "read images",
    "features": "compute features",
    "advice": "weigh the evidence",
    "mirror": "compare with mirror images",
    "head": "solve the head",
    "load": "load the libraries and the backbone",
    "convert": "prepare the backbone, once",
    "prefix": "run the frozen stages",
    "check": "save and check",
    "samples": "keep sample images",
}


def percent(share: float) -> str:
    """Return a share such as 0.81 as "81.0%"; "100.0%" only where it is all of them."""
    text = f"{100 * share:.1f}%"
    return ">99.9%" if text == "100.0%" and share < 1 else text


def significant(number: float, digits: int = 3) -> str:
    """Return a number with three digits that count, and all before the point: "131,204", "0.25"."""
    if 10**digits - 0.5 <= abs(number) < 1e15:
        return f"{number:,.0f}"
    return f"{number:.{digits}g}"


def score_in_words(score: float, of_number: bool = False) -> str:
    """Return a score: a share as "81.0%", the mean error of a number in its unit as "0.25"."""
    return significant(score) if of_number else percent(score)


def gain_in_words(difference: float, of_number: bool = False) -> str:
    """Return a gain with its sign: in points as "+4.2", of a number in its unit as "-0.025"."""
    size = abs(difference)
    text = significant(size) if of_number else f"{100 * size:.1f}"
    sign = "-" if difference < 0 and text.strip("0.") else "+"
    return sign + text


def points(difference: float) -> str:
    """Return the size of a difference of shares such as 0.042 as "4.2 points"."""
    number = f"{abs(100 * difference):.1f}"
    return f"{number} point{'s' * (number != '1.0')}"


def percent_interval(low: float, high: float, digits: int = 1) -> str:
    """Return the two ends of an interval of shares as "82.4 to 91.8"."""
    # Adding 0 takes the sign of -0.0.
    ends = (f"{round(100 * end, digits) + 0.0:.{digits}f}" for end in (low, high))
    return " to ".join(ends)


def duration(seconds: float) -> str:
    """Return seconds that were measured: "4.2 s", "41 s", "1 min 30 s", "2 h 5 min"."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def sentence(text: str) -> str:
    """Return text with a capital first letter and a full stop."""
    return text[:1].upper() + text[1:] + "."


def split_in_words(split: str) -> str:
    """Return the name of a split as text has it: "validation" for "val"."""
    return "validation" if split == "val" else escape_invisible(split)


def policy_in_words(policy: str) -> str:
    """Return a policy as a person writes it: "top-stages" for "top_stages"."""
    return str(policy).replace("_", "-")


def setting_in_words(value: Any) -> str:
    """Return the value of a setting in words."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        items = (f"{key}: {setting_in_words(item)}" for key, item in value.items())
        return ", ".join(items) or "none"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(map(setting_in_words, value)) or "none"
    return str(value)


def step_in_words(step: str) -> str:
    """Return the name of a timed step in words."""
    return _STEPS.get(step, key_in_words(step))


def key_in_words(key: str) -> str:
    """Return the key of a setting or a version in words."""
    return _KEYS.get(key, key.replace("_", " "))
