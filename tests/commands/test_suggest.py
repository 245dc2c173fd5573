"""A folder is measured, explained and advised on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn import api
from tlearn.errors import DataError, RecipeError


def test_it_measures_and_explains(
    image_folder: Callable[..., Path], small_weights_flags: dict[str, Any]
) -> None:
    advice = api.suggest(image_folder(per_class=12), flags=small_weights_flags)
    assert advice.suggestion.size == "little"
    assert advice.profile is not None and advice.similarity is not None
    assert next(iter(advice.profile.accuracies)) == "stage 1"
    assert advice.profile.best.accuracy > 0.5  # three classes
    assert advice.similarity.source_classes is not None


def test_a_saved_suggestion_is_followed_by_finetune(
    run_images: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "suggestion.yaml"
    small = tiny_backbone_flags | {"prefer": "small"}
    advice = api.suggest(run_images, flags=small, save=file)
    planned = api.finetune(run_images, str(file), dry_run=True)
    assert planned.plan.policy == advice.suggestion.policy
    assert planned.plan.backbone.name == tiny_backbone_flags["backbone"]
    if advice.suggestion.policy == "linear_head":
        assert advice.profile is not None
        assert planned.plan.head.stages == advice.profile.smallest.stages
    with pytest.raises(RecipeError, match="already exists"):
        api.suggest(run_images, flags=tiny_backbone_flags, save=file)


def test_int8_is_measured_where_it_is_asked(
    run_images: Path, tiny_backbone_flags: dict[str, Any]
) -> None:
    plain = api.suggest(run_images, flags=tiny_backbone_flags)
    asked = api.suggest(run_images, flags=tiny_backbone_flags, measure_int8=True)
    assert plain.int8 is None and asked.int8 is not None and asked.dataset is not None
    assert asked.int8.n_images == asked.dataset.manifest.count("train")


def test_a_missing_folder_is_an_error(tmp_path: Path, tiny_backbone_flags: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="does not exist"):
        api.suggest(tmp_path / "missing", flags=tiny_backbone_flags)
