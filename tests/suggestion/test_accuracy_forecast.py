"""What is expected of each way to train, and which one is picked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tlearn.suggestion import accuracy_forecast
from tlearn.suggestion.accuracy_forecast import (
    Option,
    forecast_head,
    forecast_options,
    option_label,
    stages_in_words,
    tuning_starts,
)
from tlearn.suggestion.matrix import Evidence, HeadEvidence, Policy

LAST = HeadEvidence("last", 0.80)
EVIDENCE = Evidence(400, 4, 0.3, heads=(LAST,), n_tested=100)


def set_prior(patch: pytest.MonkeyPatch, *coefficients: float) -> None:
    """Set what heads on other stages usually gain, give or take .05."""
    patch.setitem(accuracy_forecast.STAGE_GAIN_COEF, False, coefficients)
    patch.setitem(accuracy_forecast.STAGE_GAIN_SD, False, 0.05)
    patch.setattr(accuracy_forecast, "RESAMPLING_SD", 0.0)


def by_name(evidence: Evidence) -> dict[str, Option]:
    return {option.name: option for option in forecast_options(evidence)}


def measured_stages(evidence: Evidence, also: str = "last") -> list[str]:
    options = forecast_options(evidence, also)
    return [option.head_stages for option in options if option.measured]


def test_an_uncertain_gain_is_shrunk_towards_the_prior_mean(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_prior(monkeypatch, 0, 0, 0, 0)
    certain, uncertain = HeadEvidence("3", 0.9, 0.1, 0.001), HeadEvidence("2", 0.9, 0.1, 0.1)
    options = by_name(replace(EVIDENCE, heads=(LAST, certain)))
    assert options["linear-head"].accuracy == pytest.approx(0.8, abs=1e-3)
    assert options["linear-head on stage 3"].accuracy == pytest.approx(0.9, abs=2e-3)
    options = by_name(replace(EVIDENCE, heads=(LAST, uncertain)))
    assert options["linear-head on stage 2"].accuracy == pytest.approx(0.82, abs=1e-3)


def test_an_earlier_stage_is_expected_to_lose_on_similar_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_prior(monkeypatch, 0, -0.2, 0, 0)
    heads = (LAST, HeadEvidence("3", 0.82, 0.02, 0.05))
    like, unlike = (by_name(replace(EVIDENCE, heads=heads, similarity=s)) for s in (1.0, 0.0))
    assert like["linear-head on stage 3"].accuracy < 0.8 < unlike["linear-head on stage 3"].accuracy


def test_the_earlier_the_stage_the_less_is_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    set_prior(monkeypatch, 0, 0, -0.3, 0)
    heads = [HeadEvidence(str(n), 0.82, 0.02, 0.05) for n in (1, 2, 3, 4)]
    evidence = replace(EVIDENCE, heads=(LAST, *heads))
    expected = [accuracy_forecast.expected_accuracy(evidence, head) for head in heads]
    assert expected == sorted(expected) and expected[0] < expected[-1] - 0.05
    # Of equals in cross-validation the latest is expected to be best, and shown.
    assert "linear-head on stage 4" in by_name(evidence)


def test_the_best_other_stage_is_shown_and_one_that_was_asked_for() -> None:
    heads = (LAST, HeadEvidence("1", 0.5, -0.3, 0.01), HeadEvidence("3", 0.85, 0.05, 0.01))
    evidence = replace(EVIDENCE, heads=(*heads, HeadEvidence("1,3", 0.84, 0.04, 0.01)))
    assert measured_stages(evidence) == ["3", "1,3", "last"]
    assert measured_stages(evidence, also="1") == ["1", "3", "1,3", "last"]


def test_with_a_head_on_given_stages_there_is_one_way_for_each_policy() -> None:
    evidence = replace(EVIDENCE, heads=(LAST, HeadEvidence("2", 0.85, 0.05, 0.01)))
    names = [option.name for option in forecast_head(evidence, "2")]
    assert names == ["linear-head on stage 2", "top-stages on stage 2", "deep on stage 2"]
    everything = forecast_options(evidence)
    assert all(option in everything for option in forecast_head(evidence, "2"))
    assert forecast_head(evidence, "1,2") == []


def test_the_cross_validated_error_is_corrected_along_the_learning_curve() -> None:
    corrected = by_name(replace(EVIDENCE, learning_curve_correction=0.9))["linear-head"]
    assert corrected.accuracy == pytest.approx(1 - 0.2 * 0.9, abs=1e-3)


def test_the_cheapest_options_come_first_and_each_once() -> None:
    heads = (LAST, HeadEvidence("2,4", 0.81, 0.01, 0.01), HeadEvidence("3", 0.8))
    names = [option.name for option in forecast_options(replace(EVIDENCE, heads=heads))]
    assert names == [
        "linear-head on stage 3",
        "linear-head on stages 2,4",
        "linear-head",
        "top-stages on stage 3",
        "top-stages on stages 2,4",
        "top-stages",
        "deep on stage 3",
        "deep on stages 2,4",
        "deep",
    ]


def test_tuning_starts_from_the_last_stage_where_no_other_was_measured() -> None:
    assert tuning_starts(EVIDENCE) == [(Policy.TOP_STAGES, LAST), (Policy.DEEP, LAST)]


def test_tuning_multiplies_the_error_of_the_head_it_starts_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    halves = {Policy.TOP_STAGES: (-0.6931, 0.0, 0.0, 0.0, 0.0, 0.0)}
    monkeypatch.setattr(accuracy_forecast, "TUNING_COEF", halves)
    monkeypatch.setattr(accuracy_forecast, "RESAMPLING_SD", 0.0)
    options = by_name(replace(EVIDENCE, heads=(LAST, HeadEvidence("3", 0.9, 0.1, 1e-6))))
    assert options["top-stages on stage 3"].accuracy == pytest.approx(0.95, abs=2e-3)
    assert options["top-stages"].accuracy == pytest.approx(0.9, abs=2e-3)
    assert options["linear-head on stage 3"].measured and not options["top-stages"].measured


def test_tuning_is_never_expected_below_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    ruinous = {Policy.DEEP: (5.0, 0.0, 0.0, 0.0, 0.0, 0.0)}
    monkeypatch.setattr(accuracy_forecast, "TUNING_COEF", ruinous)
    assert by_name(EVIDENCE)["deep"].accuracy == pytest.approx(0.25)


def test_intervals_are_wider_with_fewer_images_and_stay_within_0_and_1() -> None:
    widths = []
    for n_train in (20, 200, 2000):
        option = by_name(replace(EVIDENCE, n_train=n_train))["linear-head"]
        assert 0 <= option.low < option.accuracy < option.high <= 1
        widths.append(option.high - option.low)
    assert widths == sorted(widths, reverse=True)
    perfect = by_name(replace(EVIDENCE, heads=(HeadEvidence("last", 1.0),)))["linear-head"]
    assert perfect.low < perfect.accuracy < 1


def test_intervals_are_wider_for_groups_and_expectations_are_the_same() -> None:
    single = by_name(EVIDENCE)["linear-head"]
    grouped = by_name(replace(EVIDENCE, train_effect=4.0, test_effect=4.0))["linear-head"]
    assert grouped.accuracy == single.accuracy
    step = 4 / EVIDENCE.n_tested  # both ends are moved outward, and twice that counts
    assert grouped.high - grouped.low == pytest.approx(2 * (single.high - single.low), abs=step)


def test_an_error_that_is_not_rare_is_within_the_interval() -> None:
    heads = (HeadEvidence("last", 1.0),)
    sure = by_name(replace(EVIDENCE, n_train=252, n_tested=60, heads=heads))["linear-head"]
    assert sure.accuracy > 0.995
    assert sure.low <= 59 / 60 < sure.high == 1.0


def option(name: str, accuracy: float) -> Option:
    policy = Policy.LINEAR_HEAD if name.isdigit() or name == "last" else Policy(name)
    head_stages = name if policy is Policy.LINEAR_HEAD else "last"
    return Option(policy, head_stages, accuracy, 0, 1, policy is Policy.LINEAR_HEAD)


def test_the_standard_error_of_a_gain_is_bounded_by_the_prior() -> None:
    heads = [HeadEvidence("3", 0.85, 0.05, error) for error in (0.001, 0.02, 0.5)]
    options = [by_name(replace(EVIDENCE, heads=(LAST, head))) for head in heads]
    doubts = [names["linear-head on stage 3"].doubt for names in options]
    assert doubts == sorted(doubts) and doubts[0] < accuracy_forecast.RESAMPLING_SD
    assert doubts[-1] <= accuracy_forecast.STAGE_GAIN_SD[False]
    assert all(names["linear-head"].doubt == 0 for names in options)


def test_options_are_named_as_people_write_them() -> None:
    assert option_label(Policy.LINEAR_HEAD, "last") == "linear-head"
    assert option_label(Policy.TOP_STAGES, "3") == "top-stages on stage 3"
    assert option_label(Policy.DEEP, "3,4,5") == "deep on stages 3,4,5"
    assert stages_in_words("last") == "the last stage"
