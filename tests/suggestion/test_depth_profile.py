"""The profile finds the best stage, and the smallest network that ties with it."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.features.head import CrossValidation
from tlearn.suggestion.depth_profile import (
    DepthProfile,
    HeadScore,
    measure_profile,
    paired_difference,
)

N = 200
LABELS = np.arange(N) % 2
NAMES = ["stage 1", "stage 2", "stage 3"]


def validated(right: np.ndarray) -> CrossValidation:
    """Return held-out predictions that are right where `right` says so."""
    predicted = np.where(right, LABELS, 1 - LABELS)
    return CrossValidation(1.0, np.eye(2)[predicted], float(right.mean()), (0.0,))


def first(count: int) -> np.ndarray:
    return np.arange(N) < count


def test_a_head_is_validated_on_every_stage_and_on_the_last_three_together() -> None:
    names = [*NAMES, "stage 4"]
    accuracy = {(1,): 100, (2,): 150, (3,): 140, (4,): 130, (2, 3, 4): 160}
    calls = []

    def cross_validate(stages: tuple[int, ...]) -> CrossValidation:
        calls.append(stages)
        return validated(first(accuracy[stages]))

    profile = measure_profile(names, LABELS, cross_validate)
    assert profile.multi_stage.stages == (2, 3, 4) and profile.multi_stage.head_stages == "2,3,4"
    assert profile.best_single.stages == (2,) and profile.best_single.accuracy == 0.75
    assert profile.best is profile.multi_stage is profile.scores[-1]
    assert profile.last.accuracy == 0.65
    assert list(profile.accuracies.values()) == [0.5, 0.75, 0.7, 0.65]
    assert sorted(calls) == sorted(accuracy)  # each once


def test_guessing_predicts_the_largest_class() -> None:
    scores = [HeadScore((1,), validated(first(100)))]
    labels = np.array([0, 2, 2, 2])
    assert DepthProfile(NAMES[:1], scores, scores[0], labels).guessing == 0.75


def test_a_network_of_one_stage_has_no_multi_stage_head() -> None:
    profile = measure_profile(NAMES[:1], LABELS, lambda stages: validated(first(100)))
    assert profile.multi_stage.stages == (1,)
    assert profile.scores == [profile.best] == list(profile.single)


@pytest.mark.parametrize(("lost", "ties"), [(1, True), (12, False)])
def test_a_smaller_network_ties_within_one_standard_error_on_the_same_images(
    lost: int, ties: bool
) -> None:
    small, large = first(180 - lost), np.roll(first(180), N // 2)
    scores = [HeadScore((1,), validated(small)), HeadScore((2,), validated(large))]
    profile = DepthProfile(NAMES[:2], scores, scores[1], LABELS)
    gain, error = profile.gain(*scores)
    assert gain == pytest.approx(lost / N)
    disagree = (small != large).mean()
    assert error == pytest.approx(np.sqrt((disagree + 1 / N - gain**2) / N))
    assert profile.ties(*scores) is ties
    assert profile.smallest is scores[0 if ties else 1]


def test_images_that_no_fold_held_out_do_not_count() -> None:
    single, multi = validated(first(100)), validated(first(100))
    for cv in (single, multi):
        cv.probabilities[150:] = 0
    profile = DepthProfile(NAMES[:1], [HeadScore((1,), single)], HeadScore((1,), multi), LABELS)
    gain, error = profile.gain(profile.single[0], profile.multi_stage)
    assert gain == 0 and error == pytest.approx(1 / 150)  # as if one of 150 disagreed


def test_a_gain_is_less_certain_where_whole_groups_gain() -> None:
    difference = np.repeat([1.0, 0.0, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0], 10)
    groups = [f"patient{row // 10}" for row in range(80)]
    mean, error = paired_difference(difference)
    assert paired_difference(difference, groups) == (mean, pytest.approx(error * 10**0.5, rel=0.05))
    assert paired_difference(difference, [str(row) for row in range(80)]) == (mean, error)
