"""A time budget goes into real trials, and what they reach counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.errors import DataError
from tlearn.suggestion.options import Option, combine
from tlearn.suggestion.strategy import Policy


@pytest.fixture
def asked(small_weights: Path) -> dict[str, Any]:
    return {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 32}


@pytest.mark.slow
def test_policies_that_may_be_best_are_tried(
    image_folder: Callable[..., Path], asked: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(classes=3, per_class=16)
    advice = api.suggest(folder, flags=asked | {"epochs": 1}, seconds=600)
    tried = {option.name: option.tried for option in advice.options if option.tried is not None}
    assert tried and {name.split()[0] for name in tried} <= {"top_stages", "deep"}
    n_val = advice.pictures.split.count("val") if advice.pictures else 0
    for accuracy in tried.values():
        assert accuracy * n_val == pytest.approx(round(accuracy * n_val))
    assert not list(tmp_path.glob("**/model.keras"))


def test_what_does_not_fit_into_the_time_is_not_begun(
    image_folder: Callable[..., Path], asked: dict[str, Any]
) -> None:
    advice = api.suggest(image_folder(classes=3, per_class=16), flags=asked, seconds=0.5)
    assert all(option.tried is None for option in advice.options)


def test_without_a_validation_part_there_is_nothing_to_try_on(
    image_folder: Callable[..., Path], asked: dict[str, Any]
) -> None:
    few = image_folder(classes=3, per_class=4)
    with pytest.raises(DataError, match="validation part"):
        api.suggest(few, flags=asked, seconds=60)


def test_forecast_and_trial_are_weighed_by_precision() -> None:
    option = Option(Policy.DEEP, "last", 0.8, 0.7, 0.9, False)
    many, few = (combine(option, 0.9, n) for n in (10_000, 10))
    assert many.accuracy == pytest.approx(0.9, abs=0.005) and many.tried == 0.9
    assert 0.8 < few.accuracy < 0.85
    assert many.high - many.low < few.high - few.low < option.high - option.low
