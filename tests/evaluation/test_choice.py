"""What suits the classes is chosen, and the rule of a kept point is one of its own."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.confidence.operating_point import Cost
from tlearn.errors import DataError, RecipeError
from tlearn.evaluation.choice import NO_CHOICE, Choice

CLASSES = ("normal", "defect")
SCORES = np.linspace(0.01, 0.99, 40)
ROWS, LABELS = np.stack([1 - SCORES, SCORES], axis=1), (np.arange(40) > 10).astype(int)


@pytest.mark.parametrize("rule", [Choice(min_sensitivity=0.9), Choice("normal", Cost(2.5, 1))])
def test_the_rule_of_a_kept_point_is_followed_on_other_answers(rule: Choice) -> None:
    kept = rule.point(ROWS, LABELS, CLASSES)
    assert kept and NO_CHOICE.point(ROWS, LABELS, CLASSES) is None
    again = NO_CHOICE.or_like(kept)
    squared = ROWS**2 / (ROWS**2).sum(axis=1, keepdims=True)
    other = again.point(squared, LABELS, CLASSES)
    assert other and (other.positive, other.chosen_by) == (kept.positive, kept.chosen_by)
    assert other.threshold != kept.threshold
    assert other == rule.point(squared, LABELS, CLASSES)


def test_a_rule_of_ones_own_counts_before_a_kept_one() -> None:
    kept = Choice(min_sensitivity=0.9).point(ROWS, LABELS, CLASSES)
    own = Choice(cost=Cost(10, 1))
    assert own.or_like(kept) is own and own.or_like(None) is own
    assert Choice("normal").or_like(kept) == Choice("normal")


def test_what_cannot_be_chosen_is_refused() -> None:
    with pytest.raises(RecipeError, match="--cost is for two classes; the run has 3"):
        Choice(cost=Cost(1, 1)).check((*CLASSES, "other"), 10)
    with pytest.raises(RecipeError, match="no class 'defects'; did you mean 'defect'"):
        Choice("defects", min_sensitivity=0.9).check(CLASSES, 10)
    with pytest.raises(DataError, match="no validation images"):
        Choice(min_sensitivity=0.9).check(CLASSES, 0)
    NO_CHOICE.check((*CLASSES, "other"), 0)
