"""A trial moves a forecast as far as its images can tell."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.matrix import Policy
from tlearn.suggestion.trial import HeadTrial, update_with_trial


def right_on(accuracy: float, n_images: int = 100) -> np.ndarray:
    return np.arange(n_images) < round(accuracy * n_images)


def test_forecast_and_trial_are_weighed_by_precision() -> None:
    option = Option(Policy.DEEP, "last", 0.8, 0.7, 0.9, False)
    many, few = (update_with_trial(option, right_on(0.9, n)) for n in (10_000, 10))
    assert many.accuracy == pytest.approx(0.9, abs=0.005) and many.tried == 0.9
    assert 0.8 < few.accuracy < 0.85
    assert many.high - many.low < few.high - few.low
    assert few.accuracy - few.low == pytest.approx(0.1)


@pytest.mark.parametrize("head", [None, 0.5, 0.875, 1.0])
def test_a_trial_below_its_forecast_never_raises_or_narrows_it_beyond_its_own_error(
    head: float | None,
) -> None:
    option = Option(Policy.DEEP, "last", 0.992, 0.96, 1.0, False)
    begun = None if head is None else HeadTrial(0.99, right_on(head, 24))
    after = update_with_trial(option, right_on(22 / 24, 24), begun)
    assert after.accuracy <= option.accuracy
    assert after.accuracy - after.low >= option.accuracy - option.low - 1e-9  # 24 images tell less
    if head == 1.0:  # on these images tuning lost
        assert after.accuracy < option.accuracy - 0.001


def test_a_trial_on_few_groups_moves_a_forecast_less() -> None:
    option = Option(Policy.DEEP, "last", 0.8, 0.7, 0.9, False)
    groups = [f"patient{row // 20}" for row in range(200)]
    single, grouped = (
        update_with_trial(option, right_on(0.9, 200), None, of) for of in ((), groups)
    )
    assert option.accuracy < grouped.accuracy < single.accuracy
