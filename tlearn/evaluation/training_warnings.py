"""What a training that went wrong says of itself, in sentences for a person."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tlearn.data.targets import CLASSES
from tlearn.evaluation.wording import percent
from tlearn.recipe.plan import Plan

_HARDLY_KEPT = 0.1
"""Share of a tuning up to which the kept model is the solved head, for all a person can tell."""


def training_warnings(
    plan: Plan,
    history: Sequence[Mapping[str, Any]],
    interpolation: float | None,
    val_labels: np.ndarray,
    parts: int = 1,
) -> tuple[str, ...]:
    """Return what went wrong in a training and what to do about it; nothing where all went well.

    Args:
        plan: What ran.
        history: Records of the epochs; epoch 0 is the model before training.
        interpolation: Position between the solved head (0) and the end of tuning (1), or None.
        val_labels: Class indices of the validation images; empty without validation.
        parts: Parts in which a batch was computed, for want of memory.
    """
    return (*_short_of_memory(plan, parts), *_outcome(plan, history, interpolation, val_labels))


def _short_of_memory(plan: Plan, parts: int) -> Iterator[str]:
    if parts > 1:
        yield (
            f"Memory was short: each batch of {plan.training.batch_size} images was computed in"
            f" {parts} parts, which takes longer and gives the same model."
        )


def _outcome(
    plan: Plan,
    history: Sequence[Mapping[str, Any]],
    interpolation: float | None,
    val_labels: np.ndarray,
) -> tuple[str, ...]:
    scored = [record for record in history if record.get("val_loss") is not None]
    if not len(val_labels) or len(scored) < 2:
        return ()
    if interpolation is None:
        return (*_never_beat_guessing(scored, val_labels),) if plan.task == CLASSES else ()
    return (*_made_it_worse(plan, scored, interpolation),)


def _never_beat_guessing(
    scored: Sequence[Mapping[str, Any]], val_labels: np.ndarray
) -> Iterator[str]:
    best = max(record["val_accuracy"] for record in scored if record["epoch"])
    guessing = float(np.bincount(val_labels).max() / len(val_labels))
    # The best of several epochs is above guessing by chance alone.
    deviation = math.sqrt(guessing * (1 - guessing) / len(val_labels))
    if best <= guessing + 2 * deviation:
        yield (
            f"Validation never clearly beat guessing: at best {percent(best)} of the validation"
            " images were right, and always answering their largest class gets"
            f" {percent(guessing)}. Random weights need many images and epochs; try pretrained ones"
            " (--policy top-stages)."
        )


def _made_it_worse(
    plan: Plan, scored: Sequence[Mapping[str, Any]], interpolation: float
) -> Iterator[str]:
    before, after = (scored[n]["val_loss"] for n in (0, -1))
    if interpolation <= _HARDLY_KEPT and after > before:
        kept = f"only {interpolation:.0%} of it was kept" if interpolation else "that head was kept"
        yield (
            f"Tuning made the model worse (validation loss {after:.3g}, against {before:.3g} of the"
            f" solved head), so {kept}. Try a lower learning rate"
            f" (--learning-rate {plan.training.learning_rate / 10:g})."
        )
