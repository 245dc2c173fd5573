"""The suggestion that forecasts support, and the reasons given for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlearn.suggestion.accuracy_forecast import Option, forecast_options
from tlearn.suggestion.decision import TIE_ACCURACY, decide, pick_option
from tlearn.suggestion.matrix import Evidence, HeadEvidence, Policy, textbook_policy

LAST = HeadEvidence("last", 0.80)
EVIDENCE = Evidence(400, 4, 0.3, heads=(LAST,), n_tested=100)


def option(policy: Policy, accuracy: float, head_stages: str = "last") -> Option:
    return Option(policy, head_stages, accuracy, 0, 1, policy is Policy.LINEAR_HEAD)


HEAD, TOP = option(Policy.LINEAR_HEAD, 0.8), option(Policy.TOP_STAGES, 0.85)
DEEP = option(Policy.DEEP, 0.95)


def test_the_textbooks_reasons_come_first_and_the_deciding_one_last() -> None:
    suggestion = decide(EVIDENCE, [HEAD, DEEP])
    textbook = textbook_policy(EVIDENCE)
    assert suggestion.reasons[:3] == textbook.reasons
    assert (suggestion.size, suggestion.similarity) == (textbook.size, textbook.similarity)
    assert suggestion.policy is Policy.DEEP
    assert suggestion.reasons[-1] == "deep is expected to reach 95.0%"


def test_reasons_name_what_was_measured() -> None:
    heads = (LAST, HeadEvidence("3", 0.9, 0.1, 0.01))
    evidence = replace(EVIDENCE, heads=heads)
    measured = decide(evidence, forecast_options(evidence)).reasons[3]
    assert measured == (
        "measured: a linear head reaches 80.0% on held-out images, and 90.0% on stage 3"
    )


def test_a_linear_head_is_explained_by_the_best_that_tuning_could_do() -> None:
    worse = [HEAD, replace(TOP, accuracy=0.7), replace(DEEP, accuracy=0.75)]
    assert decide(EVIDENCE, worse).reasons[-1] == (
        "fine-tuning is not expected to do better (deep: 75.0%)"
    )
    assert "the backbone excludes it" in decide(EVIDENCE, [HEAD]).reasons[-1]
    assert decide(EVIDENCE, [HEAD], too_slow=[TOP]).reasons[-1] == (
        "fine-tuning takes longer than the time given"
    )


def test_an_option_that_looks_better_by_chance_is_named() -> None:
    cut = replace(option(Policy.LINEAR_HEAD, 0.82, "3"), doubt=0.1)
    reason = decide(EVIDENCE, [cut, HEAD]).reasons[-1]
    assert reason.startswith("linear-head on stage 3 looks better, 82.0%")
    assert "selection noise" in reason
    certain = replace(cut, doubt=0.0)
    assert "looks better" not in " ".join(decide(EVIDENCE, [certain, HEAD]).reasons)


def test_the_smallest_network_is_suggested_where_it_is_preferred() -> None:
    heads = (LAST, HeadEvidence("2", 0.75, -0.05, 0.1))
    evidence, options = replace(EVIDENCE, heads=heads), [HEAD, TOP, DEEP]
    options.insert(0, option(Policy.LINEAR_HEAD, 0.75, "2"))
    suggestion = decide(evidence, options, smallest="2")
    assert suggestion.recipe == {"policy": "linear_head", "head_stages": "2"}
    assert "one standard error" in suggestion.reasons[-1]
    assert decide(evidence, options).policy is Policy.DEEP


@pytest.mark.parametrize(
    ("options", "forecast_only"),
    [
        ([HEAD, replace(TOP, tried=0.85), DEEP], True),
        ([HEAD, replace(TOP, tried=0.85)], False),
        ([HEAD, DEEP], False),
    ],
)
def test_a_forecast_beside_trials_is_called_one(options: list[Option], forecast_only: bool) -> None:
    assert ("by forecast only" in decide(EVIDENCE, options).reasons[-1]) is forecast_only


def test_a_trial_is_reported() -> None:
    tried = replace(TOP, tried=0.84)
    assert decide(EVIDENCE, [HEAD, tried]).reasons[-1] == (
        "top-stages is expected to reach 85.0%; a trial reached 84.0% on the validation split"
    )


def by_name(name: str, accuracy: float) -> Option:
    policy = Policy.LINEAR_HEAD if name.isdigit() or name == "last" else Policy(name)
    head_stages = name if policy is Policy.LINEAR_HEAD else "last"
    return Option(policy, head_stages, accuracy, 0, 1, policy is Policy.LINEAR_HEAD)


@pytest.mark.parametrize(
    ("accuracies", "best"),
    [
        ({"3": 0.9, "last": 0.9 + TIE_ACCURACY / 2, "deep": 0.9}, "3"),
        ({"3": 0.9, "last": 0.9 + 2 * TIE_ACCURACY, "deep": 0.9}, "last"),
        ({"3": 0.9, "last": 0.9, "deep": 0.95}, "deep"),
    ],
)
def test_ties_go_to_the_smaller_network(accuracies: dict[str, float], best: str) -> None:
    picked = pick_option([by_name(*pair) for pair in accuracies.items()])
    assert picked == by_name(best, accuracies[best])


@pytest.mark.parametrize(
    ("gain", "seconds", "prefer", "picked"),
    [
        (0.01, 100.0, "balanced", "last"),  # within the error of the forecast
        (0.03, 100.0, "balanced", "deep"),
        (0.01, 12.0, "balanced", "deep"),  # hardly slower
        (0.01, 100.0, "accurate", "deep"),
        (0.20, 100.0, "fast", "last"),
    ],
)
def test_time_is_weighed_as_it_was_preferred(
    gain: float, seconds: float, prefer: str, picked: str
) -> None:
    head = replace(by_name("last", 0.9), seconds=10.0)
    deep = replace(by_name("deep", 0.9 + gain), error=0.02, seconds=seconds)
    assert pick_option([head, deep], prefer) == (head if picked == "last" else deep)
    reason = decide(EVIDENCE, [head, deep], prefer=prefer).reasons[-1]
    said = {"fast": "which was preferred", "balanced": "less than forecasts are off"}
    assert (said[prefer] in reason) if picked == "last" else reason.startswith("deep is expected")


def test_an_uncertain_earlier_stage_has_to_be_better_by_more() -> None:
    whole = by_name("last", 0.9)
    for doubt, best in ((0.01, "3"), (0.1, "last")):
        cut = replace(by_name("3", 0.92), doubt=doubt)
        assert pick_option([cut, whole]).head_stages == best
