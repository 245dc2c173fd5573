"""A model is held against another one by its task's score, with a paired interval."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from tlearn.evaluation.paired_scores import compare_scores


def draw(n: int, groups: int) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Draw targets of three labels, what speaks for them, and groups that share their errors."""
    rng = np.random.default_rng(0)
    members = np.arange(n) % groups
    shared = rng.normal(size=(groups, 3))[members]
    targets = (rng.random((n, 3)) < 0.4).astype(float)
    return targets, 1 / (1 + np.exp(-(2 * targets - 1 + shared))), [str(g) for g in members]


def test_labels_are_compared_by_their_mean_average_precision() -> None:
    targets, answers, groups = draw(200, 200)
    noise = np.random.default_rng(1).random(answers.shape)
    found = compare_scores("labels", noise, answers, targets, groups)
    expected = np.mean(
        [average_precision_score(*of) for of in zip(targets.T, answers.T, strict=True)]
    )
    assert found.after == pytest.approx(expected) and found.before < expected
    assert found.interval is not None
    low, high = found.interval
    assert 0 < low < found.after - found.before < high
    back = compare_scores("labels", answers, noise, targets, groups).interval
    assert back == pytest.approx((-high, -low))


def test_a_number_is_better_where_it_is_off_by_less() -> None:
    rng = np.random.default_rng(0)
    targets = rng.normal(50, 10, (100, 1))
    far, near = (targets + rng.normal(0, sd, (100, 1)) for sd in (4, 2))
    found = compare_scores("number", far, near, targets, [*map(str, range(100))])
    assert found.before == pytest.approx(np.abs(far - targets).mean())
    assert found.interval is not None
    assert 0 < found.interval[0] < found.before - found.after < found.interval[1]


@pytest.mark.parametrize("task", ["labels", "number"])
def test_groups_count_and_one_alone_says_nothing(task: str) -> None:
    targets, answers, groups = draw(200, 16)
    if task == "number":
        targets, answers = targets[:, :1], answers[:, :1]
    noise = np.random.default_rng(1).random(answers.shape)
    other = np.where(np.isin(groups, groups[:8])[:, None], noise, answers)  # worse on half of them
    alone = [*map(str, range(200))]
    grouped, single = (
        compare_scores(task, answers, other, targets, of).interval for of in (groups, alone)
    )
    assert grouped is not None and single is not None
    assert np.ptp(grouped) > 1.3 * np.ptp(single)
    assert compare_scores(task, answers, other, targets, ["one"] * 200).interval is None
