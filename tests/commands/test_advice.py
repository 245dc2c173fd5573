"""What the evidence leads to, within what the person has chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn import api
from tlearn.commands.advice import head_evidence, head_score_of, learning_curve_correction
from tlearn.features.head import CrossValidation
from tlearn.suggestion.depth_profile import DepthProfile, HeadScore
from tlearn.suggestion.learning_curve import LearningCurve


def profile_of(*accuracies: float) -> DepthProfile:
    """A head on each stage, and the last that reads the last two together."""
    stages = [(n + 1,) for n in range(len(accuracies) - 1)]
    scores = [
        HeadScore(s, CrossValidation(1.0, np.full((6, 3), 1 / 3), accuracy, (accuracy,)))
        for s, accuracy in zip([*stages, (1, 2)], accuracies, strict=True)
    ]
    return DepthProfile(
        [f"stage {n}" for (n,) in stages], scores[:-1], scores[-1], np.arange(6) % 3
    )


def test_the_head_of_a_suggestion_is_found_by_its_stages() -> None:
    profile = profile_of(0.5, 0.7, 0.9)
    named = {name: head_score_of(profile, name).accuracy for name in ("1", "1,2", "last")}
    assert named == {"1": 0.5, "1,2": 0.9, "last": 0.7}


def test_the_last_stage_is_the_first_piece_of_evidence() -> None:
    heads = list(head_evidence(profile_of(0.5, 0.7, 0.9)))
    assert [head.head_stages for head in heads] == ["last", "1", "1,2"]
    assert [head.accuracy for head in heads] == [0.7, 0.5, 0.9]


def test_a_flat_learning_curve_needs_no_correction() -> None:
    flat, steep = (
        LearningCurve(60, (0.5, 0.7, 0.8), 0.01, slope, np.zeros(3), np.ones(3))
        for slope in (0.0, 1.0)
    )
    assert learning_curve_correction(flat, 5) == 1.0
    assert learning_curve_correction(steep, 5) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("chosen", "policies"),
    [
        ({"tuned_stages": 2}, {"top_stages", "deep"}),
        ({"epochs": 2, "head_dropout": 0.1}, {"linear_head", "top_stages", "deep"}),
        ({"epochs": 0}, {"linear_head"}),
    ],
)
def test_it_keeps_to_what_was_chosen(
    run_images: Path,
    tiny_backbone_flags: dict[str, Any],
    chosen: dict[str, Any],
    policies: set[str],
) -> None:
    planned = api.finetune(run_images, flags=tiny_backbone_flags | chosen, dry_run=True)
    assert planned.advice is not None
    assert {str(option.policy) for option in planned.advice.options} == policies
    heads = [option for option in planned.advice.options if option.measured]
    trained_by_steps = bool(chosen.get("epochs"))
    assert not (trained_by_steps and any("," in head.head_stages for head in heads))
    assert planned.plan.policy in policies
    assert {key: planned.plan.value(key) for key in chosen} == chosen
    assert planned.plan.origins["head_stages"] == "suggestion"


@pytest.mark.parametrize(
    ("asked", "read"), [("2", "2"), ("5", "last"), ("last", "last"), ("5,3,4", "3,4,5")]
)
def test_only_ways_with_the_stages_that_were_chosen_are_compared(
    run_images: Path, tiny_backbone_flags: dict[str, Any], asked: str, read: str
) -> None:
    flags = tiny_backbone_flags | {"head_stages": asked}
    planned = api.finetune(run_images, flags=flags, dry_run=True)
    assert planned.advice is not None and planned.option is not None
    assert {option.head_stages for option in planned.advice.options} == {read}
    assert planned.option.policy == planned.plan.policy


def test_a_time_that_fits_nothing_leaves_the_best_of_the_quickest(
    run_images: Path, tiny_backbone_flags: dict[str, Any]
) -> None:
    flags = tiny_backbone_flags | {"seconds": 1e-3}
    advice = api.finetune(run_images, flags=flags, dry_run=True).advice
    assert advice is not None and len(advice.options) > 1
    assert {str(option.policy) for option in advice.options} == {"linear_head"}
    assert advice.too_slow
    assert advice.suggestion.reasons[-1] == "fine-tuning takes longer than the time given"


def test_a_plan_that_tunes_its_own_number_of_stages_has_no_forecast(
    run_images: Path, tiny_backbone_flags: dict[str, Any]
) -> None:
    flags = tiny_backbone_flags | {"tuned_stages": 3}
    assert api.finetune(run_images, flags=flags, dry_run=True).option is None


def test_a_folder_that_leaves_no_validation_split_is_advised_on_too(
    image_folder: Callable[..., Path], tiny_backbone_flags: dict[str, Any]
) -> None:
    advice = api.suggest(image_folder(per_class=6), flags=tiny_backbone_flags)
    assert advice.dataset is not None and not advice.dataset.manifest.count("val")
    assert advice.options
