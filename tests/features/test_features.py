"""Features of a dataset: outputs by name, and cross-validations that are stored beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.data.dataset import Dataset, load_dataset
from tlearn.data.image_folder import scan
from tlearn.features import features as features_module
from tlearn.features.engine import LITERT, Engine
from tlearn.features.extractor import SOURCE, FeatureExtractor, extractor_engines, make_extractor
from tlearn.features.features import Features, HeadProblem, compute_features
from tlearn.features.linear_head import held_out_probabilities
from tlearn.progress import Timer, no_progress


@pytest.fixture
def dataset(image_folder: Callable[..., Path], own_cache: Path) -> Dataset:
    folder = scan(image_folder(classes=3, per_class=20))
    return load_dataset(
        folder,
        32,
        "squash",
        own_cache,
        no_progress,
        Timer(),
        val_fraction=0.2,
        test_fraction=0.2,
        seed=0,
        strict=False,
    )


@pytest.fixture
def extractor(small_backbone: Any, own_cache: Path) -> FeatureExtractor:
    return make_extractor(own_cache, small_backbone)


@pytest.fixture
def features(dataset: Dataset, extractor: FeatureExtractor, own_cache: Path) -> Features:
    def engine(sample: np.ndarray) -> Engine:
        return extractor_engines(extractor, pytest.fail)[LITERT]()

    return compute_features(dataset, extractor, own_cache, engine, no_progress, Timer())


def test_computed_features_are_not_computed_again(
    features: Features, dataset: Dataset, extractor: FeatureExtractor, own_cache: Path
) -> None:
    timer = Timer()
    again = compute_features(dataset, extractor, own_cache, pytest.fail, no_progress, timer)
    rows = np.arange(5)
    np.testing.assert_array_equal(again.embeddings(rows), features.embeddings(rows))
    assert "features" in timer.seconds


def test_outputs_are_read_by_name_and_stage(features: Features) -> None:
    assert features.stage_outputs == ["stage 1", "stage 2", "stage 3", "stage 4", "embedding"]
    outputs = features.outputs_of([2, 5])
    assert outputs == ["stage 2", "embedding"]
    rows = features.read(outputs, features.digests[:4])
    assert rows.shape == (4, sum(features.widths(outputs)))
    np.testing.assert_array_equal(rows[:, -256:], features.embeddings(np.arange(4)))


def test_source_probabilities_sum_to_one(features: Features) -> None:
    probabilities = features.source_probabilities(np.arange(6))
    assert probabilities is not None and probabilities.shape == (6, 12)
    np.testing.assert_allclose(probabilities.sum(1), 1, rtol=1e-4)
    assert SOURCE not in features.stage_outputs


def problem_of(dataset: Dataset, stage: int) -> HeadProblem:
    return HeadProblem((stage,), dataset.digests("train"), dataset.labels("train"), 3)


def test_a_cross_validation_is_stored_and_read_again(
    features: Features, dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    folds = dataset.folds(0)
    last = problem_of(dataset, len(features.stage_outputs))
    cv = features.cross_validate(last, folds)
    assert cv.probabilities.shape == (len(last.keys), 3)
    calls: list[object] = []
    monkeypatch.setattr(
        features_module, "cross_validate", lambda *given, **_: calls.append(given) or cv
    )
    again = features.cross_validate(last, folds)
    np.testing.assert_array_equal(again.probabilities, cv.probabilities)
    assert not calls
    for other in (problem_of(dataset, 1), replace(last, class_weights=True)):
        features.cross_validate(other, folds)
    assert len(calls) == 2


def test_heads_predict_the_rows_that_their_fold_holds_out(
    features: Features, dataset: Dataset
) -> None:
    folds = dataset.folds(0)
    problem = problem_of(dataset, len(features.stage_outputs))
    predictions = features.held_out(problem, folds, 0.1)
    rows = features.read(["embedding"], problem.keys)
    expected = held_out_probabilities(rows, problem.labels, 3, folds, 0.1)
    for probabilities, others in zip(predictions, expected, strict=True):
        np.testing.assert_allclose(probabilities, others, atol=1e-5)


def test_rows_in_no_fold_are_not_used(features: Features, dataset: Dataset) -> None:
    problem = problem_of(dataset, len(features.stage_outputs))
    n = len(problem.keys)
    fold = (np.arange(0, n - 6), np.arange(n - 6, n - 3))
    fewer = replace(problem, keys=problem.keys[:-3], labels=problem.labels[:-3])
    (some,) = features.held_out(problem, [fold], 0.1)
    (same,) = features.held_out(fewer, [fold], 0.1)
    np.testing.assert_array_equal(some, same)
