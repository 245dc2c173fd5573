"""A place is as far away as the nearest patch of the memory, and the memory covers the patches."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tlearn.confidence.patch_memory import (
    MOST_AXES,
    MOST_KEPT,
    choose_patches,
    fit_axes,
    nearest,
    project,
)


def maps(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 6, 6, 80)).astype(np.float32)


def test_the_distance_is_that_of_the_nearest_patch() -> None:
    points, kept = maps(1)[0, 0], maps(1, 1)[0, 0]
    apart = np.linalg.norm(points[:, np.newaxis] - kept, axis=-1).min(axis=1)
    np.testing.assert_allclose(nearest(points, kept), apart, rtol=1e-4)


def test_patches_of_the_memory_are_at_no_distance_and_others_are() -> None:
    axes = fit_axes(maps(4))
    points = project(maps(4), axes).reshape(-1, MOST_AXES)
    memory = replace(axes, kept=choose_patches(points))
    np.testing.assert_allclose(memory.distances(maps(4)), 0, atol=0.01)
    assert memory.distances(maps(1, 5)).min() > 1


def test_the_memory_leaves_no_patch_far_away_where_chance_would() -> None:
    rng = np.random.default_rng(0)
    common, rare = rng.normal(0, 1, (5000, 4)), rng.normal(30, 1, (3, 4))
    points = np.concatenate([common, rare]).astype(np.float32)
    kept = choose_patches(points)
    assert len(kept) == MOST_KEPT
    assert nearest(points, kept).max() < nearest(points, points[:MOST_KEPT]).max() / 10


def test_few_patches_are_all_kept() -> None:
    points = maps(1)[0].reshape(-1, 80)
    assert len(choose_patches(points)) == len(points)
