"""Rows that stay on disk are solved on like those in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.data.targets import CLASSES
from tlearn.features import features as features_module
from tlearn.features import linear_head, rows_on_disk
from tlearn.features.extractor import FeatureExtractor, StageInfo
from tlearn.features.features import Features, HeadProblem
from tlearn.features.head import LinearHead
from tlearn.features.logistic_regression import principal_axes
from tlearn.features.rows_on_disk import RowsOnDisk, axes_of
from tlearn.features.store import FeatureStore

N, WIDTHS = 700, (8, 20)


@pytest.fixture(autouse=True)
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows_on_disk, "_BLOCK_BYTES", 1 << 12)
    monkeypatch.setattr(linear_head, "PART_ROWS", 200)


@pytest.fixture
def drawn() -> np.ndarray:
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(N, 12)) + np.arange(N)[:, None] % 3
    rows = latent @ rng.normal(size=(12, sum(WIDTHS))) * np.repeat([1, 30], WIDTHS) + 5
    return (rows + rng.normal(size=rows.shape)).astype(np.float32)


def on_disk(rows: np.ndarray, tmp_path: Path) -> RowsOnDisk:
    return RowsOnDisk(tmp_path / "rows", rows.shape, lambda start, end: rows[start:end])


def test_products_and_rows_are_those_of_the_array(drawn: np.ndarray, tmp_path: Path) -> None:
    rows, rng = on_disk(drawn, tmp_path), np.random.default_rng(1)
    right, left = (rng.normal(size=(n, 3)).astype(np.float32) for n in (drawn.shape[1], N))
    np.testing.assert_allclose(rows @ right, drawn @ right, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(rows.T @ left, drawn.T @ left, rtol=1e-4, atol=1e-1)
    np.testing.assert_array_equal(rows[np.array([5, 2, 699])], drawn[[5, 2, 699]])


def test_the_axes_are_those_of_the_array(drawn: np.ndarray, tmp_path: Path) -> None:
    drawn[:, 3] = 2.0  # no variance
    known = principal_axes(drawn.copy(), WIDTHS)
    found = axes_of(on_disk(drawn, tmp_path), WIDTHS)
    np.testing.assert_allclose(found.variances, known.variances, rtol=1e-2)
    np.testing.assert_allclose(found.mean, known.mean, rtol=1e-4)
    rows = found.rows[np.arange(N)]
    assert rows.shape == known.rows.shape == (N, 27)
    np.testing.assert_allclose(abs(rows[:, -8:]), abs(known.rows[:, -8:]), atol=2e-2)
    np.testing.assert_allclose((drawn - found.mean) @ found.rotation, rows, atol=1e-3)


def test_features_without_variance_have_axes(tmp_path: Path) -> None:
    assert axes_of(on_disk(np.ones((50, 4), np.float32), tmp_path), ()).variances.max() == 0


def solved(
    tmp_path: Path, drawn: np.ndarray, targets: np.ndarray, **options: Any
) -> tuple[LinearHead, Path]:
    stages = tuple(StageInfo(f"stage {n}", n, 1, width, 0, 0) for n, width in enumerate(WIDTHS, 1))
    outputs = tuple((stage.name, stage.width) for stage in stages)
    extractor = FeatureExtractor(tmp_path, "", 1, stages, outputs)
    store = FeatureStore(tmp_path, "drawn", "squash", (drawn.shape[1],), "float32")
    keys = [f"{n:064x}" for n in range(N)]
    store.table.append(keys, drawn)
    features = Features(extractor, store, keys, pytest.fail)
    problem = HeadProblem([1, 2], keys, targets, 3, **options)
    return features.solve(problem, 1e-3), store.table.folder


@pytest.mark.parametrize("task", [CLASSES, "balanced", "labels", "number"])
def test_a_head_on_rows_on_disk_answers_like_one_in_memory(
    tmp_path: Path, drawn: np.ndarray, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    classes = np.where(np.arange(N) < 600, np.arange(N) % 3, 0)
    targets = {"labels": np.eye(3)[classes], "number": drawn[:, :1] * 2.0 + 1}.get(task, classes)
    options = {"task": task} if task in ("labels", "number") else {}
    options |= {"class_weights": True} if task == "balanced" else {}
    known, _ = solved(tmp_path, drawn, targets, **options)
    monkeypatch.setattr(features_module, "MOST_BYTES_IN_MEMORY", 1000)
    found, folder = solved(tmp_path, drawn, targets, **options)
    answers, expected = found.probabilities(drawn), known.probabilities(drawn)
    np.testing.assert_allclose(answers, expected, atol=2e-2 if task != "number" else 0.2)
    assert not [*folder.parent.rglob("rows")]
