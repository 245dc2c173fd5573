"""A training that went wrong says so, and one that went well says nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tlearn.evaluation.training_warnings import training_warnings
from tlearn.recipe.plan import Plan

LABELS = np.array([0, 0, 0, 1, 1] * 20)
PlanFor = Callable[..., Plan]


def epochs(*scores: tuple[float, float]) -> list[dict[str, Any]]:
    """Return records with these validation losses and accuracies, from epoch 0 on."""
    return [
        {"epoch": epoch, "val_loss": loss, "val_accuracy": accuracy}
        for epoch, (loss, accuracy) in enumerate(scores)
    ]


@pytest.mark.parametrize(
    ("accuracies", "warned"),
    [((0.2, 0.4, 0.6), True), ((0.8, 0.6, 0.4), True), ((0, 0.69), True), ((0, 0.71), False)],
)
def test_random_weights_that_only_guess_are_warned_of(
    accuracies: Sequence[float], warned: bool, plan: PlanFor
) -> None:
    history = epochs(*((1.0, accuracy) for accuracy in accuracies))
    warnings = training_warnings(plan(policy="from_scratch"), history, None, LABELS)
    assert bool(warnings) is warned
    if warned:
        best = f"{100 * max(accuracies[1:]):.1f}%"
        assert f"at best {best} of the validation images" in warnings[0]
        assert "largest class gets 60.0%" in warnings[0]
        assert "(--policy top-stages)" in warnings[0]


@pytest.mark.parametrize(
    ("interpolation", "after", "words"),
    [
        (
            0.0,
            311.0,
            "(validation loss 311, against 0.4 of the solved head), so that head",
        ),
        (0.04, 311.0, "so only 4% of it was kept"),
        (0.0, 0.3, ""),
        (0.4, 0.5, ""),
    ],
)
def test_tuning_that_was_dropped_because_it_harmed_is_warned_of(
    interpolation: float, after: float, words: str, plan: PlanFor
) -> None:
    history = epochs((0.4, 0.8), (after, 0.4))
    tuned = plan(policy="deep", learning_rate=0.02)
    warnings = training_warnings(tuned, history, interpolation, LABELS)
    assert (
        (words in warnings[0] and "(--learning-rate 0.002)" in warnings[0])
        if words
        else (not warnings)
    )


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "loss": 9.0}]])
def test_without_validation_nothing_is_known(history: list[dict[str, Any]], plan: PlanFor) -> None:
    assert training_warnings(plan(policy="deep"), history, 0.5, np.array([], int)) == ()


def test_batches_that_came_in_parts_are_told(plan: PlanFor) -> None:
    (warning,) = training_warnings(plan(policy="deep"), (), 0.5, LABELS[:0], parts=4)
    assert "in 4 parts" in warning and "the same model" in warning
