"""From forecasts to a suggestion, with the textbook's answer beside it and the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlearn.suggestion.accuracy_forecast import Option, stages_in_words
from tlearn.suggestion.matrix import Evidence, Policy, Suggestion, textbook_policy

TIE_ACCURACY = 0.0005
"""Gain in expected accuracy that does not justify a larger network or a longer training. It is
small because shrinkage makes forecasts differ by less than the truth does: .0025 cost .4 points of
regret."""

WORTH_IT = 1.5
"""How much faster a way to train has to be for `balanced` to give up a gain that may be chance."""

MIN_MARGIN_SE = 1.0
"""Standard errors by which a head on an earlier stage must be better than one on the last: the
best of several uncertain values is biased upwards. Heads on the last few stages together were not
selected, so they have no such bias."""


def decide(
    evidence: Evidence,
    options: Sequence[Option],
    smallest: str | None = None,
    prefer: str = "accurate",
    too_slow: Sequence[Option] = (),
) -> Suggestion:
    """Return the suggestion that the forecasts support.

    Args:
        evidence: What was measured.
        options: From `forecast_options`.
        smallest: Stages of the smallest head within one standard error of the best, to be
            preferred to the most accurate option (one-standard-error rule); None for no preference.
        prefer: "accurate", "balanced" or "fast"; see the recipe key.
        too_slow: Options that take longer than the time given.
    """
    textbook = textbook_policy(evidence)
    chosen = pick_option(options, prefer)
    if smallest is None:
        decisive = [_why(chosen, options, prefer, too_slow) + _trial_note(chosen, options)]
        decisive += _better_by_chance(chosen, options)
    else:
        chosen = next((option for option in options if option.head_stages == smallest), chosen)
        network = f"{stages_in_words(smallest)}: the smallest network"
        decisive = [
            f"{network} within one standard error of the best{_trial_note(chosen, options)}"
        ]
    return replace(
        textbook,
        policy=chosen.policy,
        head_stages=chosen.head_stages,
        reasons=(*textbook.reasons, _measured(evidence), *decisive),
    )


def pick_option(options: Sequence[Option], prefer: str = "accurate") -> Option:
    """Return the option to take; ties go to the first, the cheapest in `forecast_options`.

    Args:
        options: From `forecast_options`, with seconds unless "accurate" is preferred.
        prefer: "accurate": the best. "fast": the best solved head. "balanced": the best of the
            fastest policy that is within one standard error of the best of all, and `WORTH_IT`.
    """
    best = _best(options)
    if prefer == "accurate":
        return best
    solved = [option for option in options if option.measured] or options
    if prefer == "fast":
        return _best(solved)
    cheap = [option for option in options if _as_good_and_faster(option, best)]
    policy = min((option.policy for option in cheap), key=[*Policy].index, default=best.policy)
    return _best([option for option in cheap if option.policy is policy] or [best])


def _best(options: Sequence[Option]) -> Option:
    highest = max(map(_value, options))
    return next(option for option in options if _value(option) >= highest - TIE_ACCURACY)


def _value(option: Option) -> float:
    return option.accuracy - MIN_MARGIN_SE * option.doubt


def _as_good_and_faster(option: Option, best: Option) -> bool:
    faster = (option.seconds or 0.0) * WORTH_IT <= (best.seconds or 0.0)
    return faster and _value(best) - _value(option) <= max(option.error, best.error)


def _measured(evidence: Evidence) -> str:
    reason = f"measured: a linear head reaches {evidence.heads[0].accuracy:.1%} on held-out images"
    best = max(evidence.heads, key=lambda head: head.accuracy)
    if best is evidence.heads[0]:
        return reason
    return f"{reason}, and {best.accuracy:.1%} on {stages_in_words(best.head_stages)}"


def _why(chosen: Option, options: Sequence[Option], prefer: str, too_slow: Sequence[Option]) -> str:
    if chosen.policy is not Policy.LINEAR_HEAD:
        return f"{chosen.name} is expected to reach {chosen.accuracy:.1%}"
    tuned = max((option for option in options if not option.measured), key=_accuracy, default=None)
    if tuned is None and any(not option.measured for option in too_slow):
        return "fine-tuning takes longer than the time given"
    if tuned is None:
        return "fine-tuning was not considered: the recipe or the backbone excludes it"
    if tuned.accuracy <= chosen.accuracy + TIE_ACCURACY or prefer == "accurate":
        return f"fine-tuning is not expected to do better ({tuned.name}: {tuned.accuracy:.1%})"
    reaches = f"{tuned.name} is expected to reach {tuned.accuracy:.1%}"
    if prefer == "fast":
        return f"a solved head takes seconds, which was preferred ({reaches})"
    return f"{reaches}, which is more by less than forecasts are off, and takes longer"


def _trial_note(chosen: Option, options: Sequence[Option]) -> str:
    if chosen.tried is not None:
        return f"; a trial reached {chosen.tried:.1%} on the validation split"
    if not chosen.measured and any(option.tried is not None for option in options):
        return ", by forecast only: no time was left for a trial of it"
    return ""


def _better_by_chance(chosen: Option, options: Sequence[Option]) -> list[str]:
    """Name the option with the highest forecast where it was not chosen."""
    highest = max(options, key=_accuracy)
    if highest.accuracy <= chosen.accuracy + TIE_ACCURACY or highest.policy is not chosen.policy:
        return []
    return [
        f"{highest.name} looks better, {highest.accuracy:.1%}, but the difference is within "
        "selection noise: it is the best of several"
    ]


def _accuracy(option: Option) -> float:
    return option.accuracy
