"""Which ways to train are worth choosing between: the fast one, the advised one, a better one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.decision import MIN_MARGIN_SE

ABOUT_EQUAL = 0.01
"""Difference in expected accuracy below which neither of two ways is called better: no forecast is
as certain as that."""

_AS_FAST = 1.5
_SHARE_SAVED, _SECONDS_SAVED = 0.2, 1.0


@dataclass(frozen=True)
class Choice:
    """A way to train, and why it is offered.

    Attributes:
        role: "fast", "advised", "better" (and slower), or "slower" (and not better).
        option: The way.
        gain: Accuracy expected beyond that of the advised one; below 0 for less.
        about_as_accurate: Whether the gain is within chance.
    """

    role: str
    option: Option
    gain: float
    about_as_accurate: bool


def choices(options: Sequence[Option], advised: Option | None) -> list[Choice]:
    """Return two or three ways to train, fast ones first; fewer if there are no more.

    Args:
        options: From `forecast_options`, with seconds.
        advised: The one of them that is advised, or was asked for; None if it is none of them.
    """
    if advised is None:
        return []
    fastest = min(map(_seconds, options))
    quick = [option for option in options if _seconds(option) <= _AS_FAST * fastest]
    slower = [option for option in options if _seconds(option) > _seconds(advised)]
    fast, best = max(quick, key=_accuracy), max(slower, key=_accuracy, default=advised)
    offered = [("advised", advised)]
    if _saves_time(fast, advised):
        offered.insert(0, ("fast", fast))
    if best.accuracy > advised.accuracy and not about_as_accurate(best, advised):
        offered.append(("better", best))
    if len(offered) == 1 and _saves_time(advised, best):
        offered.append(("slower", best))
    return [
        Choice(role, o, o.accuracy - advised.accuracy, about_as_accurate(o, advised))
        for role, o in offered
    ]


def about_as_accurate(one: Option, other: Option) -> bool:
    """Return whether the expected accuracies of two ways to train differ by no more than chance.

    What heads on the same stages share of their doubt is no difference between them, nor is what
    forecasts of one policy share of their error.
    """
    error = 0.0 if one.policy is other.policy else max(one.error, other.error)
    chance = max(ABOUT_EQUAL, MIN_MARGIN_SE * max(abs(one.doubt - other.doubt), error))
    return abs(one.accuracy - other.accuracy) < chance


def to_json(choice: Choice) -> dict[str, Any]:
    """Return a choice as `suggest` and `finetune` print it."""
    option = choice.option
    return asdict(choice) | {
        "policy": str(option.policy),
        "head_stages": option.head_stages,
        "expected": option.accuracy,
        "interval": [option.low, option.high],
        "seconds": option.seconds,
        "size_bytes": option.size_bytes,
    }


def _saves_time(fast: Option, slow: Option) -> bool:
    """Return whether one way is faster than another by more than forecasts of time are off."""
    saved = _seconds(slow) - _seconds(fast)
    return saved >= max(_SHARE_SAVED * _seconds(slow), _SECONDS_SAVED)


def _accuracy(option: Option) -> float:
    return option.accuracy


def _seconds(option: Option) -> float:
    return option.seconds or 0.0
