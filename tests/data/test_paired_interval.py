from __future__ import annotations

import numpy as np
import pytest

from tlearn.data.paired_interval import grouped_interval, paired_interval


def test_the_interval_covers_the_truth_where_answers_of_a_group_change_together() -> None:
    rng, covered = np.random.default_rng(0), np.zeros(2)
    groups = np.repeat(np.arange(20), 10)
    for _ in range(200):
        changed = rng.random(200) < rng.beta(0.4, 3.6, 20)[groups]  # a tenth, correlation 0.2
        lost = (rng.random(20) < 0.65)[groups]
        rows = changed & lost, changed & ~lost
        for way, keys in enumerate((groups.tolist(), ())):
            low, high = grouped_interval(*rows, [str(key) for key in keys])
            covered[way] += low <= 0.03 <= high
    assert covered[0] >= 0.92 * 200 and covered[1] < 0.8 * 200


@pytest.mark.parametrize("n", [1, 20, 153, 5000])
def test_no_change_still_leaves_room(n: int) -> None:
    z2 = 1.959963984540054**2
    assert paired_interval(0, 0, n) == pytest.approx((-z2 / (n + z2), z2 / (n + z2)))


@pytest.mark.parametrize(("lost", "won", "n"), [(3, 0, 50), (12, 2, 50), (5, 5, 40), (1, 9, 11)])
def test_the_interval_holds_the_drop_and_has_no_side(lost: int, won: int, n: int) -> None:
    low, high = paired_interval(lost, won, n)
    assert -1 <= low < (lost - won) / n < high <= 1
    assert paired_interval(won, lost, n) == pytest.approx((-high, -low))
    narrow = paired_interval(10 * lost, 10 * won, 10 * n)
    assert narrow[1] - narrow[0] < (high - low) / 2


def test_the_interval_reaches_one_where_every_answer_changed() -> None:
    assert paired_interval(8, 0, 8)[1] == 1.0
    assert paired_interval(0, 8, 8)[0] == -1.0


def test_the_interval_covers_what_it_says() -> None:
    """Drawn from known shares, small n and few changes; 95 % of intervals or more hold it."""
    rng = np.random.default_rng(0)
    for share_lost, share_won, n in ((0.05, 0.02, 100), (0.02, 0.0, 60), (0.2, 0.1, 40)):
        drawn = rng.multinomial(n, (share_lost, share_won, 1 - share_lost - share_won), 2000)
        n_covered = 0
        for lost, won, _ in drawn.tolist():
            low, high = paired_interval(lost, won, n)
            n_covered += low <= share_lost - share_won <= high
        assert n_covered / len(drawn) > 0.93
