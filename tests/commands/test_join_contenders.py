"""What a head on two backbones is expected to reach, from what both were measured to."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.commands.join_contenders import JOINED_LOG_RATIO, error_ratio
from tlearn.features.head import CrossValidation
from tlearn.suggestion.depth_profile import HeadScore


def score(n: int, wrong: int) -> HeadScore:
    """A head that is wrong on the first images of n, all of class 0."""
    answers = np.eye(2)[(np.arange(n) < wrong).astype(int)]
    return HeadScore((1,), CrossValidation(1.0, answers, 1 - wrong / n, (0.0,)))


def ratio(n: int, single: int, joined: int) -> float:
    return error_ratio(score(n, single), score(n, joined), np.zeros(n, int))


def test_few_images_leave_what_is_usual() -> None:
    assert ratio(20, 2, 2) == pytest.approx(np.exp(JOINED_LOG_RATIO), abs=0.02)


def test_what_was_measured_counts_the_more_the_surer_it_is() -> None:
    usual = np.exp(JOINED_LOG_RATIO)
    assert usual < ratio(100, 30, 45) < ratio(3000, 900, 1350)
    assert usual > ratio(100, 30, 15) > ratio(3000, 900, 450)


def test_no_error_is_no_certainty() -> None:
    assert 0 < ratio(50, 3, 0) < 1
    assert 0 < ratio(50, 0, 0) < 1
