"""What is worth having on a board, and the smallest that ties with the best within its limits."""

from __future__ import annotations

import numpy as np

from tlearn.features.head import CrossValidation
from tlearn.suggestion.board_fit import BoardCandidate, BoardLimits, best_within, worth_having
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.int8_cost import Int8Cost

N = 200
LABELS = np.arange(N) % 2


def candidate(flash: int, ram: int, right: int, int8_drop: float | None = None) -> BoardCandidate:
    """Return one that answers the first `right` images rightly."""
    predicted = np.where(np.arange(N) < right, LABELS, 1 - LABELS)
    cv = CrossValidation(1.0, np.eye(2)[predicted], right / N, (0.0,))
    int8 = None if int8_drop is None else Int8Cost(N, right / N, int8_drop, 0.0)
    return BoardCandidate(64, HeadScore((1,), cv), (0.0, 1.0), flash, ram, int8)


def test_what_another_beats_in_everything_is_left_out() -> None:
    small, beaten, large = candidate(10, 10, 150), candidate(20, 20, 150), candidate(20, 30, 190)
    assert worth_having([large, beaten, small]) == [small, large]


def test_equals_are_both_kept() -> None:
    assert len(worth_having([candidate(10, 10, 150), candidate(10, 10, 150)])) == 2


def test_the_best_that_fits_is_advised_and_the_smallest_that_ties_with_it() -> None:
    small, tying, best = candidate(10, 10, 150), candidate(20, 20, 190), candidate(40, 40, 191)
    limits = BoardLimits(flash=50, ram=50)
    assert best_within([small, tying, best], limits, LABELS) is tying
    assert best_within([small, best], limits, LABELS) is best


def test_both_limits_hold() -> None:
    good = candidate(40, 40, 190)
    assert best_within([good], BoardLimits(flash=39), LABELS) is None
    assert best_within([good], BoardLimits(ram=39), LABELS) is None
    assert best_within([good], BoardLimits(flash=40, ram=40), LABELS) is good


def test_what_int8_costs_counts() -> None:
    lost, kept = candidate(40, 40, 190, int8_drop=0.2), candidate(50, 50, 180, int8_drop=0.0)
    assert best_within([lost, kept], BoardLimits(ram=60), LABELS) is kept
