"""An operating point promises a sensitivity, and new images say whether it is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tlearn.confidence.operating_point import OperatingPoint, Rate, hold_sensitivity

CLASSES = ("normal", "defect")
FOUND, NONE = Rate(0.95, (0.76, 0.99), 19, 20), Rate(None, None, 0, 0)
POINT = OperatingPoint("defect", 0.3, "sensitivity 0.95", FOUND, FOUND, FOUND, NONE)


def answers(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.stack([1 - scores, scores], axis=1), np.ones(len(scores), int)


def test_a_promise_that_is_kept_is_hardly_ever_called_broken() -> None:
    rng = np.random.default_rng(0)
    broken = 0
    for _ in range(400):  # the threshold is that of chance: the second lowest of 40
        threshold = float(np.sort(rng.random(40))[1])
        point = replace(POINT, threshold=threshold, sensitivity=Rate(0.975, None, 39, 40))
        kept = hold_sensitivity(point, *answers(rng.random(300)), CLASSES)
        broken += kept is not None and not kept.holds
    assert broken <= 10


def test_too_few_found_break_it() -> None:
    kept = hold_sensitivity(POINT, *answers(np.repeat([0.2, 0.9], [20, 40])), CLASSES)
    assert kept and not kept.holds and (kept.n_right, kept.n, kept.level) == (40, 60, 0.95)
    few = hold_sensitivity(POINT, *answers(np.repeat([0.2, 0.9], [1, 2])), CLASSES)
    assert few and few.holds


@pytest.mark.parametrize("change", [{"chosen_by": "cost 10:1"}, {"note": "too few images"}])
def test_what_promises_nothing_is_not_held_to_it(change: dict[str, Any]) -> None:
    rows, labels = answers(np.full(100, 0.1))
    assert hold_sensitivity(replace(POINT, **change), rows, labels, CLASSES) is None
    assert hold_sensitivity(POINT, rows, 0 * labels, CLASSES) is None


def test_it_is_answered_from_the_threshold_on() -> None:
    rows, _ = answers(np.array([0.29, 0.3, 0.31]))
    assert POINT.found(rows, CLASSES).tolist() == [False, True, True]
    assert POINT.contradiction(CLASSES) == ""


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"positive": "crack"}, "positive"),
        ({"threshold": 1.2}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"chosen_by": "most probable"}, "chosen_by"),
        ({"chosen_by": "sensitivity 3"}, "chosen_by"),
        ({"sensitivity": replace(FOUND, n_right=21)}, "sensitivity"),
        ({"specificity": replace(FOUND, value=0.5)}, "specificity"),
        ({"specificity": replace(FOUND, interval=(0.9, 0.1))}, "specificity"),
        ({"negative_predictive_value": replace(NONE, n=3)}, "negative_predictive_value"),
    ],
)
def test_a_point_that_no_choice_gives_is_told_by_its_key(change: dict[str, Any], key: str) -> None:
    assert replace(POINT, **change).contradiction(CLASSES).startswith(f"{key}: ")
    assert POINT.contradiction((*CLASSES, "third")).startswith("positive: ")
