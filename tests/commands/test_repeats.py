"""The same training on folds, or with several seeds: what is counted, and what goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.finished_run import Train
from tlearn import api
from tlearn.commands import repeats
from tlearn.data.manifest import read_manifest
from tlearn.errors import DataError, RecipeError
from tlearn.storage.text import read_json


@pytest.fixture
def flags(tiny_backbone_flags: dict[str, Any], converted: None, undrawn: None) -> dict[str, Any]:
    return tiny_backbone_flags | {"policy": "linear_head"}


def test_each_image_of_train_and_val_is_tested_on_once_and_the_run_is_as_without(
    run_images: Path, flags: dict[str, Any], train: Train, tmp_path: Path
) -> None:
    plain, run = train(name="plain")
    result = api.finetune(run_images, flags=flags, out=tmp_path / "folds", folds=3)
    assert result.repeats and result.run
    assert sum(repeat.n_test for repeat in result.repeats.each) == 42 + 9
    assert all(repeat.n_train + repeat.n_test == 42 + 9 for repeat in result.repeats.each)
    assert result.run.model_path.read_bytes() == run.model_path.read_bytes()
    assert result.reports["test"].accuracy == plain.reports["test"].accuracy
    stored = read_json(result.run.metrics_path)["repeats"]
    assert stored["kind"] == "folds" and stored["accuracies"] == result.repeats.accuracies


def test_the_first_seed_is_that_of_the_run_and_others_have_splits_of_their_own(
    run_images: Path, flags: dict[str, Any], train: Train, tmp_path: Path
) -> None:
    result = api.finetune(run_images, flags=flags, out=tmp_path / "seeds", seeds=2)
    assert result.repeats and not result.repeats.same_test
    other, _ = train(name="other", seed=1)
    expected = [result.reports["test"].accuracy, other.reports["test"].accuracy]
    assert result.repeats.accuracies == expected


def test_seeds_on_the_folder_s_own_test_images_have_no_interval(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(splits=("train", "test"), per_class=10)
    result = api.finetune(folder, flags=flags, out=tmp_path / "run", seeds=2)
    assert result.repeats and result.repeats.same_test and result.repeats.interval is None


def test_a_stopped_command_goes_on_with_the_fold_that_was_not_done(
    run_images: Path, flags: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, trained = repeats.fit, []

    def fit(*arguments: Any) -> Any:
        trained.append(arguments[2].split.n_test)
        if len(trained) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(repeats, "fit", fit)
    with pytest.raises(KeyboardInterrupt):
        api.finetune(run_images, flags=flags, out=tmp_path / "run", folds=3)
    result = api.finetune(resume=True, folder=tmp_path / "run")
    assert len(trained) == 4  # two folds, the one that was stopped, and that one again
    whole = api.finetune(run_images, flags=flags, out=tmp_path / "whole", folds=3)
    assert result.repeats and whole.repeats
    assert result.repeats.accuracies == whole.repeats.accuracies
    assert read_manifest(tmp_path / "run" / "split.csv").count("test") == 9


def test_what_cannot_be_repeated_is_refused_before_any_training(
    run_images: Path, flags: dict[str, Any], image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    for asked in ({"folds": 1}, {"folds": 5, "seeds": 3}, {"seeds": 0}):
        with pytest.raises(RecipeError, match="two"):
            api.finetune(run_images, flags=flags, out=out, **asked)
    with pytest.raises(RecipeError, match="--for limits one training"):
        api.finetune(run_images, flags=flags | {"seconds": 60}, out=out, folds=5)
    with pytest.raises(DataError, match="99 folds need as many images"):
        api.finetune(run_images, flags=flags, out=out, folds=99)
    with pytest.raises(DataError, match="too few images"):
        api.finetune(image_folder(per_class=3), flags=flags, out=out, folds=2)
    assert not out.exists()
