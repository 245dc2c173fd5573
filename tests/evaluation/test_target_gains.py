"""Scores of samples are those of the reports, and gains have intervals of groups."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.confidence.confidence import UNKNOWN
from tlearn.evaluation.target_gains import gain_interval, sampled_scores
from tlearn.evaluation.target_scores import headline, score_targets


def drawn(task: str, n: int = 60) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    if task == "number":
        targets = rng.normal(0, 3, (n, 1))
        return targets + rng.normal(0, 1, (n, 1)), targets
    targets = (rng.random((n, 3 if task == "labels" else 1)) < 0.3).astype(float)
    answers = 1 / (1 + np.exp(-2 * targets - rng.normal(0, 1, targets.shape)))
    targets[0, 0] = np.nan if task == "labels" else 0
    return answers, targets


@pytest.mark.parametrize("task", ["labels", "number", "one_class"])
def test_the_score_of_all_images_is_that_of_the_report(task: str) -> None:
    answers, targets = drawn(task)
    names = [f"{n}" for n in range(targets.shape[1])]
    report = score_targets(task, answers, targets, names, "test", targets, UNKNOWN)
    found = sampled_scores(task, answers, targets, np.ones((1, len(targets))))
    assert found[0] == pytest.approx(next(iter(headline(report).values())))


@pytest.mark.parametrize("task", ["labels", "number", "one_class"])
def test_a_gain_is_clear_beyond_chance_and_less_so_in_groups(task: str) -> None:
    answers, targets = drawn(task)
    shuffled = np.roll(answers, 7, axis=0)
    alone, grouped = [str(n) for n in range(60)], [str(n // 10) for n in range(60)]
    gain, (low, high) = gain_interval(task, shuffled, answers, targets, alone)
    assert 0 < low < gain < high
    back, ends = gain_interval(task, answers, shuffled, targets, alone)
    assert (back, ends) == (-gain, (-high, -low))
    wide = gain_interval(task, shuffled, answers, targets, grouped)[1]
    assert wide[1] - wide[0] != high - low
    assert gain_interval(task, answers, answers, targets, alone) == (0, (0, 0))
