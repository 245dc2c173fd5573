"""Thresholds by cost and by sensitivity: what they promise, and on how few images they cannot."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.confidence.operating_point import Cost
from tlearn.evaluation.operating_point import choose_operating_point, measure

CLASSES = ("normal", "defect")


def images(
    n_positive: int, n_negative: int, sharper: float = 1.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Calibrated probabilities of two classes, or those of too sure a model."""
    labels = np.repeat([1, 0], [n_positive, n_negative])
    logits = 2 * (np.random.default_rng(seed).normal(size=len(labels)) + 2 * labels) - 2
    logits = sharper * (logits + np.log(n_positive / n_negative))
    scores = 1 / (1 + np.exp(-logits))
    return np.stack([1 - scores, scores], axis=1), labels


def cost_of(found: np.ndarray, labels: np.ndarray, cost: Cost) -> float:
    return float(
        cost.missed * ((labels == 1) & ~found).sum()
        + cost.false_alarm * ((labels == 0) & found).sum()
    )


def test_rates_by_hand() -> None:
    scores = np.array([0.9, 0.8, 0.3, 0.7, 0.2, 0.1, 0.1])
    rows, labels = np.stack([1 - scores, scores], axis=1), np.array([1, 1, 1, 0, 0, 0, 0])
    point = choose_operating_point(rows, labels, CLASSES)
    assert (point.positive, point.threshold, point.chosen_by) == ("defect", 0.5, "most probable")
    counts = [
        (rate.n_right, rate.n)
        for rate in (
            *(point.sensitivity, point.specificity),
            *(point.positive_predictive_value, point.negative_predictive_value),
        )
    ]
    assert counts == [(2, 3), (3, 4), (2, 3), (3, 4)]
    assert point.sensitivity.interval == pytest.approx((0.2077, 0.9385), abs=1e-4)
    other = choose_operating_point(rows, labels, CLASSES, "normal")
    assert (other.sensitivity.n_right, other.sensitivity.n) == (3, 4)


def test_what_cannot_be_counted_is_not_known() -> None:
    rows = np.array([[0.9, 0.1], [0.8, 0.2]])
    point = choose_operating_point(rows, np.array([0, 0]), CLASSES)
    assert point.sensitivity.value is None and point.positive_predictive_value.interval is None
    assert point.specificity.value == 1


@pytest.mark.parametrize("n_positive", [19, 30, 200])
def test_a_sensitivity_is_kept_on_new_images(n_positive: int) -> None:
    found = total = 0
    for seed in range(40):
        point = choose_operating_point(
            *images(n_positive, 60, seed=seed), CLASSES, min_sensitivity=0.95
        )
        assert not point.note and point.sensitivity.value and point.sensitivity.value >= 0.95
        new = measure(point, *images(10 * n_positive, 600, seed=1000 + seed), CLASSES)
        found, total = found + new.sensitivity.n_right, total + new.sensitivity.n
    # Three standard errors of a share that varies from choice to choice.
    assert found / total > 0.95 - 3 * np.sqrt(0.95 * 0.05 / n_positive / 40)
    assert found / total < 0.985


def test_too_few_images_for_a_sensitivity_are_told() -> None:
    point = choose_operating_point(*images(9, 40), CLASSES, min_sensitivity=0.95)
    assert "9 images of the class are too few to promise 95%: 90.0% can be expected" in point.note
    assert point.sensitivity.value == 1
    none = choose_operating_point(np.eye(2)[[0, 0]], np.array([0, 0]), CLASSES, min_sensitivity=0.9)
    assert none.threshold == 0.5 and "no image of the class" in none.note


def test_many_images_of_few_groups_promise_nothing_for_new_groups() -> None:
    rows, labels = images(40, 40)
    groups = [str(n // 10) for n in range(80)]
    grouped, single = (
        choose_operating_point(rows, labels, CLASSES, min_sensitivity=0.9, groups=names)
        for names in (groups, [str(n) for n in range(80)])
    )
    assert "40 images of the class come from 4 groups" in grouped.note and not single.note
    assert grouped.threshold == single.threshold


@pytest.mark.parametrize("wanted", [0.0, 1.0])
def test_nothing_and_everything_can_be_wanted(wanted: float) -> None:
    point = choose_operating_point(*images(30, 30), CLASSES, min_sensitivity=wanted)
    assert (point.sensitivity.value or 0) >= max(wanted, 1 / 30)


def test_the_threshold_lies_between_images_and_not_on_one() -> None:
    rows, labels = images(40, 40)
    point = choose_operating_point(rows, labels, CLASSES, min_sensitivity=0.9)
    gaps = np.abs(rows[:, 1] - point.threshold)
    assert gaps.min() > 0


def test_missing_one_costs_more_so_more_is_answered() -> None:
    sets = images(50, 50)
    thresholds = [
        choose_operating_point(*sets, CLASSES, cost=Cost(*pair)).threshold
        for pair in ((1, 10), (1, 1), (10, 1), (100, 1))
    ]
    assert thresholds == sorted(thresholds, reverse=True)
    # Calibrated probabilities: near the point where either answer is expected to cost the same.
    assert thresholds[2] == pytest.approx(1 / 11, abs=0.06)


@pytest.mark.parametrize("sharper", [0.5, 1.0, 2.0])
def test_the_choice_by_cost_costs_little_more_than_the_best_on_new_images(sharper: float) -> None:
    cost, chosen, best = Cost(10, 1), 0.0, 0.0
    for seed in range(20):
        point = choose_operating_point(*images(40, 60, sharper, seed), CLASSES, cost=cost)
        rows, labels = images(400, 600, sharper, 500 + seed)
        chosen += cost_of(rows[:, 1] >= point.threshold, labels, cost)
        best += min(
            cost_of(rows[:, 1] >= limit, labels, cost)
            for limit in 1 / (1 + np.exp(-np.linspace(-12, 5, 80)))
        )
    assert chosen < 1.25 * best


def test_a_cost_is_kept_where_images_tell_nothing() -> None:
    one_class = choose_operating_point(
        np.eye(2)[[0, 0]], np.array([0, 0]), CLASSES, cost=Cost(3, 1)
    )
    assert one_class.threshold == 0.25 and "one class" in one_class.note
    rows, labels = images(30, 30)
    turned = choose_operating_point(rows[:, ::-1], labels, CLASSES, cost=Cost(3, 1))
    assert turned.threshold == 0.25 and "do not tell the classes apart" in turned.note


def test_classes_told_apart_without_error_give_a_finite_threshold() -> None:
    rows = np.eye(2)[[0] * 20 + [1] * 20]
    point = choose_operating_point(rows, np.repeat([0, 1], 20), CLASSES, cost=Cost(10, 1))
    assert 0 < point.threshold < 0.5 and point.sensitivity.value == point.specificity.value == 1


def test_the_more_probable_class_is_the_one_that_argmax_gives() -> None:
    rows, labels = np.full((4, 2), 0.5), np.array([0, 0, 1, 1])
    point = choose_operating_point(rows, labels, CLASSES)
    assert point.sensitivity.value == 0 and point.specificity.value == 1


def test_a_cost_is_weighed_by_the_shares_in_use() -> None:
    rows, labels = images(200, 200)
    cost, rare = Cost(9, 1), (0.9, 0.1)
    plain = choose_operating_point(rows, labels, CLASSES, cost=cost)
    in_use = choose_operating_point(rows, labels, CLASSES, cost=cost, prior=rare)
    assert plain.threshold == pytest.approx(0.1, abs=0.05)
    assert in_use.threshold == pytest.approx(0.5, abs=0.07) and in_use.chosen_by == "cost 9:1"
    same = choose_operating_point(rows, labels, CLASSES, cost=cost, prior=(0.5, 0.5))
    assert same.threshold == pytest.approx(plain.threshold)
