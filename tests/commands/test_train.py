"""Every policy, on every part of a backbone, ends in a run that answers as it was scored."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.finished_run import Train
from tlearn import api
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.runs.directory import RunDirectory
from tlearn.runs.metrics import read_metrics
from tlearn.storage.cache import cache_folder
from tlearn.storage.key_log import RECORD_BYTES


def assert_it_answers_as_scored(result: api.FinetuneResult, run: RunDirectory) -> None:
    report = api.evaluate(run.path).report
    assert report.accuracy == pytest.approx(result.reports["test"].accuracy)


@pytest.mark.parametrize("policy", ["top_stages", "deep"])
def test_tuning_keeps_a_record_of_the_head_and_of_every_epoch(train: Train, policy: str) -> None:
    result, run = train(policy=policy, epochs=2, patience=9)
    assert len(run.epochs.read()) == 3
    assert result.advice is None
    assert_it_answers_as_scored(result, run)


def test_a_second_training_in_a_session_does_not_begin_with_the_weights_of_the_first(
    run_images: Path, tiny_backbone_flags: dict[str, Any], converted: None
) -> None:
    flags = tiny_backbone_flags | {"policy": "deep", "epochs": 1, "learning_rate": 0.01}
    with Session(run_images, None, flags) as session:
        workspace = session.extract_features(session.open_workspace())
        plan = session.make_plan(workspace, session.requested)
        first, second = (fit(session, workspace, plan).probabilities["test"] for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_from_scratch_there_is_no_head_to_begin_with(train: Train) -> None:
    flags = {"backbone": "mobilenet_025", "image_size": 32, "head_stages": "2"}
    result, run = train(policy="from_scratch", epochs=1, **flags)
    assert result.plan.head.solved_l2 is None
    assert_it_answers_as_scored(result, run)


def test_a_classic_network_is_trained_from_scratch_described_and_exported(train: Train) -> None:
    result, run = train(backbone="lenet5", policy="from_scratch", epochs=1, image_size="auto")
    assert [stage.parameters for stage in result.plan.stages[:-1]] == [156, 12, 1516, 32, 58284]
    assert_it_answers_as_scored(result, run)
    assert "LeNet-5 [LeCun et al. 1998] (60,000 parameters" in api.describe(run.path).text
    (artifact,) = api.export(run.path, [("tflite", "none")])
    assert artifact.passed and artifact.agreement == 1


def test_tuning_that_diverged_says_so_wherever_its_result_is_read(
    train: Train, image_folder: Callable[..., Path]
) -> None:
    images = image_folder(per_class=24)  # fewer say too little of what is worse
    result, run = train(images, policy="deep", epochs=2, learning_rate=5.0)
    (warning,) = result.warnings
    assert "Tuning made the model worse" in warning and "(--learning-rate 0.5)" in warning
    assert read_metrics(run).warnings == result.warnings


def test_a_policy_left_open_is_the_one_that_is_advised(train: Train) -> None:
    result, run = train(policy="auto")
    assert result.advice is not None
    assert result.plan.policy == result.advice.suggestion.policy != "auto"
    assert_it_answers_as_scored(result, run)


@pytest.mark.parametrize("head_stages", ["2", "2,4", "best", "last3"])
def test_a_head_reads_any_stage_and_exports_like_any_other(train: Train, head_stages: str) -> None:
    result, run = train(head_stages=head_stages)
    deepest = result.plan.head.stages[-1]
    assert len(result.plan.stages) == deepest + 1  # and the head
    assert_it_answers_as_scored(result, run)
    (artifact,) = api.export(run.path, [("tflite", "none")])
    assert artifact.passed and artifact.agreement == 1


@pytest.mark.parametrize(("head_stages", "first"), [("3", 1), ("last3", 3)])
def test_tuning_takes_a_cut_backbone_and_several_stages(
    head_stages: str, first: int, train: Train
) -> None:
    result, run = train(policy="top_stages", head_stages=head_stages, epochs=1)
    assert result.plan.training.first_trained_stage == first
    assert_it_answers_as_scored(result, run)


def test_a_solved_head_learns_from_every_view(train: Train, run_images: Path) -> None:
    clean, _ = train(name="clean")
    seen, _ = train(augmentation="medium", views=3, horizontal_flip=True)
    split = seen.plan.split
    (store,) = (cache_folder() / "features").glob("[!.]*")
    n_rows = split.n_train + split.n_val + split.n_test + 2 * split.n_train
    assert seen.plan.images.views == 3
    assert (store / "index.bin").stat().st_size == RECORD_BYTES * n_rows
    assert seen.reports["test"].log_loss != clean.reports["test"].log_loss


def test_mixed_precision_ends_in_a_float32_model(train: Train) -> None:
    import keras

    _, run = train(policy="deep", precision="mixed_bfloat16", epochs=1)
    model: Any = keras.models.load_model(run.model_path)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
