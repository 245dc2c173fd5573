"""What the evidence comes to, beside what the textbook says, and the reasons for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlearn.suggestion.accuracy_forecast import TIE, Option, pick_best, stages_in_words
from tlearn.suggestion.matrix import Evidence, Policy, Suggestion, textbook_policy


def decide(
    evidence: Evidence, options: Sequence[Option], smallest: str | None = None
) -> Suggestion:
    """The suggestion that the options make, beside what the matrix says.

    Args:
        evidence: What was measured.
        options: From `forecast_options`.
        smallest: Stage whose head is as good as the best one within an error: prefer it.
    """
    chosen = pick_best(options)
    if smallest is not None:
        chosen = next((one for one in options if one.head_stages == smallest), chosen)
    taught = textbook_policy(evidence)
    measured = f"a linear head reaches {evidence.heads[0].accuracy:.1%} on pictures it has not seen"
    verdict = f"measured: {measured}"
    best = max(evidence.heads, key=lambda head: head.accuracy)
    if best.head_stages != "last":
        verdict += f", and {best.accuracy:.1%} on {stages_in_words(best.head_stages)}"
    if smallest is not None:
        reason = f"{stages_in_words(smallest)}: no other is better by more than one standard error"
    elif chosen.policy is Policy.LINEAR_HEAD:
        tuned = max((one for one in options if not one.measured), key=_accuracy, default=None)
        said = f"{tuned.name}: {tuned.accuracy:.1%}" if tuned else "not asked for"
        reason = f"tuning is not expected to add to it ({said})"
    else:
        reason = f"{chosen.name} is expected to reach {chosen.accuracy:.1%}"
    if chosen.tried is not None:
        reason += f": a trial reached {chosen.tried:.1%} on the validation split"
    elif not chosen.measured and any(option.tried is not None for option in options):
        reason += ", a forecast: there was no time left to try it"
    reasons = [*taught.reasons, verdict, reason]
    likeliest = max(options, key=_accuracy)
    if smallest is None and likeliest.accuracy > chosen.accuracy + TIE:
        looks = f"{likeliest.name} looks better, {likeliest.accuracy:.1%}"
        reasons.append(f"{looks}, but no more than chance may make it: it is the best of several")
    return replace(
        taught, policy=chosen.policy, head_stages=chosen.head_stages, reasons=tuple(reasons)
    )


def _accuracy(option: Option) -> float:
    return option.accuracy
