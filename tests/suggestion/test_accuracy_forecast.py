"""What is expected of each way to train, and which one is taken."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlearn.suggestion import accuracy_forecast as options
from tlearn.suggestion.accuracy_forecast import TIE, Option, forecast_options, pick_best
from tlearn.suggestion.decision import decide
from tlearn.suggestion.matrix import Evidence, HeadEvidence, Policy

LAST = HeadEvidence("last", 0.80)
EVIDENCE = Evidence(400, 4, 0.3, heads=(LAST,), n_tested=100)


def gains(patch: pytest.MonkeyPatch, *usual: float) -> None:
    """Say what heads on other stages usually gain, give or take .05."""
    patch.setitem(options.STAGE_GAIN_COEF, False, usual)
    patch.setitem(options.STAGE_GAIN_SD, False, 0.05)
    patch.setattr(options, "RESAMPLING_SD", 0.0)


def by_name(evidence: Evidence) -> dict[str, Option]:
    return {option.name: option for option in forecast_options(evidence)}


def test_a_gain_counts_as_far_as_it_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    gains(monkeypatch, 0, 0, 0, 0)
    sure, doubtful = HeadEvidence("3", 0.9, 0.1, 0.001), HeadEvidence("2", 0.9, 0.1, 0.1)
    found = by_name(replace(EVIDENCE, heads=(LAST, sure)))
    assert found["linear_head"].accuracy == pytest.approx(0.8, abs=1e-3)
    assert found["linear_head on stage 3"].accuracy == pytest.approx(0.9, abs=2e-3)
    found = by_name(replace(EVIDENCE, heads=(LAST, doubtful)))
    assert found["linear_head on stage 2"].accuracy == pytest.approx(0.82, abs=1e-3)


def test_like_the_source_an_earlier_stage_is_mistrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    gains(monkeypatch, 0, -0.2, 0, 0)
    heads = (LAST, HeadEvidence("3", 0.82, 0.02, 0.05))
    like, unlike = (by_name(replace(EVIDENCE, heads=heads, similarity=s)) for s in (1.0, 0.0))
    assert like["linear_head on stage 3"].accuracy < 0.8 < unlike["linear_head on stage 3"].accuracy


def test_earlier_stages_are_mistrusted_more(monkeypatch: pytest.MonkeyPatch) -> None:
    gains(monkeypatch, 0, 0, -0.3, 0)
    heads = [HeadEvidence(str(n), 0.82, 0.02, 0.05) for n in (1, 2, 3, 4)]
    evidence = replace(EVIDENCE, heads=(LAST, *heads))
    found = [options.expected_accuracy(evidence, head) for head in heads]
    assert found == sorted(found) and found[0] < found[-1] - 0.05
    # Of equals in cross-validation the later one is expected to be better, and shown.
    assert "linear_head on stage 4" in by_name(evidence)


def test_of_the_stages_the_likeliest_is_shown_and_the_one_asked_for() -> None:
    heads = (LAST, HeadEvidence("1", 0.5, -0.3, 0.01), HeadEvidence("3", 0.85, 0.05, 0.01))
    evidence = replace(EVIDENCE, heads=(*heads, HeadEvidence("1,3", 0.84, 0.04, 0.01)))
    assert [o.head_stages for o in forecast_options(evidence) if o.measured] == ["3", "1,3", "last"]
    assert [o.head_stages for o in forecast_options(evidence, "1") if o.measured] == [
        "1",
        "3",
        "1,3",
        "last",
    ]


def test_the_error_of_cross_validation_is_lifted_to_all_pictures() -> None:
    lifted = by_name(replace(EVIDENCE, learning_curve_correction=0.9))["linear_head"]
    assert lifted.accuracy == pytest.approx(1 - 0.2 * 0.9, abs=1e-3)


def test_the_cheapest_come_first_and_each_once() -> None:
    heads = (LAST, HeadEvidence("2,4", 0.81, 0.01, 0.01), HeadEvidence("3", 0.8))
    names = [option.name for option in forecast_options(replace(EVIDENCE, heads=heads))]
    assert names == [
        "linear_head on stage 3",
        "linear_head on stages 2,4",
        "linear_head",
        "top_stages on stage 3",
        "top_stages on stages 2,4",
        "top_stages",
        "deep on stage 3",
        "deep on stages 2,4",
        "deep",
    ]


def test_tuning_multiplies_the_error_of_the_head_it_begins_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halves = {Policy.TOP_STAGES: (-0.6931, 0.0, 0.0, 0.0, 0.0, 0.0)}
    monkeypatch.setattr(options, "TUNING_COEF", halves)
    monkeypatch.setattr(options, "RESAMPLING_SD", 0.0)
    found = by_name(replace(EVIDENCE, heads=(LAST, HeadEvidence("3", 0.9, 0.1, 1e-6))))
    assert found["top_stages on stage 3"].accuracy == pytest.approx(0.95, abs=2e-3)
    assert found["top_stages"].accuracy == pytest.approx(0.9, abs=2e-3)
    assert found["linear_head on stage 3"].measured and not found["top_stages"].measured


def test_tuning_is_never_expected_below_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "TUNING_COEF", {Policy.DEEP: (5.0, 0.0, 0.0, 0.0, 0.0, 0.0)})
    assert by_name(EVIDENCE)["deep"].accuracy == pytest.approx(0.25)


def test_intervals_are_wider_with_fewer_pictures_and_stay_within_bounds() -> None:
    widths = []
    for n_train in (20, 200, 2000):
        found = by_name(replace(EVIDENCE, n_train=n_train))["linear_head"]
        assert 0 <= found.low < found.accuracy < found.high <= 1
        widths.append(found.high - found.low)
    assert widths == sorted(widths, reverse=True)
    perfect = by_name(replace(EVIDENCE, heads=(HeadEvidence("last", 1.0),)))["linear_head"]
    assert perfect.low < perfect.accuracy < 1


def option(name: str, accuracy: float) -> Option:
    policy = Policy.LINEAR_HEAD if name.isdigit() or name == "last" else Policy(name)
    head_stages = name if policy is Policy.LINEAR_HEAD else "last"
    return Option(policy, head_stages, accuracy, 0, 1, policy is Policy.LINEAR_HEAD)


@pytest.mark.parametrize(
    ("accuracies", "taken"),
    [
        ({"3": 0.9, "last": 0.9 + TIE / 2, "deep": 0.9}, "3"),
        ({"3": 0.9, "last": 0.9 + 2 * TIE, "deep": 0.9}, "last"),
        ({"3": 0.9, "last": 0.9, "deep": 0.95}, "deep"),
    ],
)
def test_ties_go_to_the_smaller_network(accuracies: dict[str, float], taken: str) -> None:
    found = pick_best([option(*pair) for pair in accuracies.items()])
    assert found == option(taken, accuracies[taken])


def test_an_earlier_stage_in_doubt_has_to_be_better_by_more() -> None:
    whole = option("last", 0.9)
    for doubt, taken in ((0.01, "3"), (0.1, "last")):
        cut = replace(option("3", 0.92), doubt=doubt)
        assert pick_best([cut, whole]).head_stages == taken


def test_one_that_looks_better_and_is_not_taken_is_named() -> None:
    whole, cut = option("last", 0.9), replace(option("3", 0.92), doubt=0.1)
    assert "stage 3 looks better, 92.0%" in decide(EVIDENCE, [cut, whole]).reasons[-1]
    certain = replace(cut, doubt=0.0)
    assert "looks better" not in " ".join(decide(EVIDENCE, [certain, whole]).reasons)


def test_doubt_falls_with_what_was_measured() -> None:
    heads = [HeadEvidence("3", 0.85, 0.05, error) for error in (0.001, 0.02, 0.5)]
    found = [by_name(replace(EVIDENCE, heads=(LAST, head))) for head in heads]
    doubts = [ways["linear_head on stage 3"].doubt for ways in found]
    assert doubts == sorted(doubts) and doubts[0] < options.RESAMPLING_SD
    assert (
        doubts[-1] <= options.STAGE_GAIN_SD[False]
    )  # what such gains are is known without measuring
    assert all(ways["linear_head"].doubt == 0 for ways in found)


def test_the_smallest_is_taken_where_it_is_preferred() -> None:
    chances = [option("2", 0.85), option("last", 0.9), option("deep", 0.95)]
    heads = (HeadEvidence("last", 0.9), HeadEvidence("2", 0.85, -0.05, 0.1))
    found = decide(replace(EVIDENCE, heads=heads), chances, smallest="2")
    assert found.recipe == {"policy": "linear_head", "head_stages": "2"}
    assert "one standard error" in found.reasons[-1]
    assert decide(replace(EVIDENCE, heads=heads), chances).policy is Policy.DEEP


def test_a_forecast_beside_trials_is_called_one() -> None:
    tried = replace(option("top_stages", 0.85), tried=0.85)
    chances = [option("last", 0.8), tried, option("deep", 0.95)]
    assert "no time left" in decide(EVIDENCE, chances).reasons[-1]
    assert "no time left" not in decide(EVIDENCE, chances[:2]).reasons[-1]
    assert "no time left" not in decide(EVIDENCE, [chances[0], chances[2]]).reasons[-1]


def test_reasons_name_what_was_measured() -> None:
    heads = (LAST, HeadEvidence("3", 0.9, 0.1, 0.01))
    evidence = replace(EVIDENCE, heads=heads)
    reasons = " ".join(decide(evidence, forecast_options(evidence)).reasons)
    assert "80.0%" in reasons and "90.0% on stage 3" in reasons
