"""Images of a group count less than independent ones, and never more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlearn.data.design_effect import (
    design_effect,
    difference_effect,
    effect_at,
    within_group_correlation,
)
from tlearn.data.intervals import wilson_interval
from tlearn.evaluation.metrics import score


def named(groups: np.ndarray) -> list[str]:
    return [f"patient{group}" for group in groups]


@given(st.lists(st.booleans(), min_size=1, max_size=50))
def test_single_images_count_as_themselves(right: list[bool]) -> None:
    assert design_effect(np.array(right), named(np.arange(len(right)))) == 1


def test_groups_right_or_wrong_as_a_whole_count_once() -> None:
    groups = np.repeat(np.arange(40), 5)
    right = groups % 4 > 0
    assert design_effect(right, named(groups)) == pytest.approx(5, abs=0.05)
    assert effect_at(1.0, named(groups)) == 5 and effect_at(0.0, named(groups)) == 1


def test_copies_of_a_file_count_once_however_the_others_of_a_group_go() -> None:
    images = np.repeat(np.arange(100), np.where(np.arange(100) < 20, 3, 1))
    right = images < 90  # copies are all right, which hides that they go together
    alone = design_effect(right, named(images), named(images))
    assert alone == pytest.approx((20 * 9 + 80) / 140)
    assert alone > design_effect(right, named(images)) + 0.2
    pairs = images // 2
    assert design_effect(right, named(pairs), named(images)) > alone


def test_answers_of_a_group_that_change_together_count_once() -> None:
    groups = np.repeat(np.arange(40), 5)
    together = np.where(groups % 8 == 0, 1, 0)
    assert difference_effect(together, named(groups)) == pytest.approx(5, abs=0.2)
    apart = np.where(np.arange(200) % 5 == 0, np.arange(200) % 2 * 2 - 1, 0)
    assert difference_effect(apart, named(groups)) < 1.5
    assert difference_effect(np.zeros(200), named(groups)) >= 3  # no change is no proof of none


def test_independent_answers_lose_little() -> None:
    groups = np.repeat(np.arange(300), 4)
    right = np.random.default_rng(0).random(1200) < 0.8
    assert 1 <= design_effect(right, named(groups)) < 1.3


def test_without_an_error_a_correlation_is_not_ruled_out() -> None:
    groups = named(np.repeat(np.arange(10), 20))
    assert 0.3 < within_group_correlation(np.ones(200, bool), groups) < 0.9


@settings(deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 8)), min_size=1, max_size=60))
def test_an_interval_is_never_narrower_for_groups(answers: list[tuple[bool, int]]) -> None:
    labels = np.zeros(len(answers), int)
    probabilities = np.array([[1.0, 0.0] if right else [0.0, 1.0] for right, _ in answers])
    groups = [f"g{group}" for _, group in answers]
    grouped, single = (score(probabilities, labels, "ab", "test", g) for g in (groups, ()))
    assert grouped.accuracy == single.accuracy and grouped.n_groups == len(set(groups))
    low, high = grouped.interval
    assert 0 <= low <= single.interval[0] + 1e-12 and single.interval[1] - 1e-12 <= high <= 1


@pytest.mark.parametrize("correlation", [0.1, 0.5])
def test_the_interval_covers_the_truth_where_one_of_images_does_not(correlation: float) -> None:
    rng, truth, covered = np.random.default_rng(0), 0.9, np.zeros(2)
    groups = np.repeat(np.arange(20), 10)
    for _ in range(300):
        spread = 1 / correlation - 1
        of_group = rng.beta(truth * spread, (1 - truth) * spread, 20)
        right = rng.random(200) < of_group[groups]
        effect = design_effect(right, named(groups))
        for way, by in enumerate((effect, 1.0)):
            low, high = wilson_interval(right.sum() / by, 200 / by)
            covered[way] += low <= truth <= high
    assert covered[0] >= 0.88 * 300 and covered[0] > covered[1] + 20
