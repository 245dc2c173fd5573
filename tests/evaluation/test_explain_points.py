"""Embeddings on a plane."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.evaluation.explain_points import place_points


def clusters(n: int, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    labels = np.arange(n) % 3
    return rng.normal(size=(n, d)) + 8 * rng.normal(size=(3, d))[labels], labels


def test_what_is_alike_lies_together_in_both_views() -> None:
    embeddings, labels = clusters(60)
    placed = place_points(embeddings)
    assert list(placed.views) == ["widest axes", "neighbors"]
    assert 0.5 < placed.explained <= 1
    for points in placed.views.values():
        assert points.shape == (60, 2) and points.min() >= 0 and points.max() <= 1
        distances = np.linalg.norm(points[:, np.newaxis] - points, axis=-1) + 9 * np.eye(60)
        assert np.mean(labels[distances.argmin(axis=1)] == labels) > 0.95


def test_points_lie_in_the_same_places_every_time() -> None:
    embeddings, _ = clusters(40)
    first, second = place_points(embeddings).views, place_points(embeddings).views
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("shape", [(1, 5), (2, 1), (4, 1), (6, 3)])
def test_few_images_have_one_view(shape: tuple[int, int]) -> None:
    placed = place_points(np.random.default_rng(0).normal(size=shape))
    assert list(placed.views) == ["widest axes"]
    assert placed.views["widest axes"].shape == (shape[0], 2)
    assert np.isfinite(placed.views["widest axes"]).all()


def test_images_that_are_all_alike_lie_in_one_place() -> None:
    points = place_points(np.ones((5, 4))).views["widest axes"]
    assert np.allclose(points, points[0])
