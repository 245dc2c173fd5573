"""Which ways to train are worth choosing between: the fast one, the advised one, a better one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.matrix import Suggestion

WORTH_WAITING = 0.005
"""Expected accuracy for which a slower way than the advised one is offered."""

_AS_FAST = 1.5


@dataclass(frozen=True)
class Choice:
    """A way to train, and why it is offered.

    Attributes:
        role: "fast", "advised", "better" (and slower), or "slower" (and not better).
        option: The way.
        gain: Accuracy expected beyond that of the advised one; below 0 for less.
    """

    role: str
    option: Option
    gain: float


def choices(options: Sequence[Option], suggestion: Suggestion) -> list[Choice]:
    """Return two or three ways to train, fast ones first; fewer if there are no more.

    Args:
        options: From `forecast_options`, with seconds.
        suggestion: What is advised; one of the options.
    """
    way = (suggestion.policy, suggestion.head_stages)
    advised = next((o for o in options if (o.policy, o.head_stages) == way), None)
    if advised is None:
        return []
    fastest = min(map(_seconds, options))
    quick = [option for option in options if _seconds(option) <= _AS_FAST * fastest]
    slower = [option for option in options if _seconds(option) > _seconds(advised)]
    fast, best = max(quick, key=_accuracy), max(slower, key=_accuracy, default=advised)
    offered = [("advised", advised)]
    if _seconds(fast) < _seconds(advised):
        offered.insert(0, ("fast", fast))
    if best.accuracy - advised.accuracy >= WORTH_WAITING:
        offered.append(("better", best))
    if len(offered) == 1 and best is not advised:
        offered.append(("slower", best))
    return [Choice(role, o, o.accuracy - advised.accuracy) for role, o in offered]


def _accuracy(option: Option) -> float:
    return option.accuracy


def _seconds(option: Option) -> float:
    return option.seconds or 0.0
