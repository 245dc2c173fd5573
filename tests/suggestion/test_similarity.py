"""The two measures of similarity on distributions whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.suggestion.similarity import (
    classes_told_apart,
    effective_dimension,
    measure_similarity,
    nearest_classes,
)


@pytest.mark.parametrize("dimension", [5, 20, 60])
@pytest.mark.parametrize("n", [100, 1000])
def test_effective_dimension_counts_equal_directions_whatever_n(dimension: int, n: int) -> None:
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(200, dimension)))[0]
    embeddings = rng.normal(size=(n, dimension)) @ turn.T
    assert effective_dimension(embeddings) == pytest.approx(dimension, rel=0.15)


def test_one_picture_twice_has_no_dimension() -> None:
    assert effective_dimension(np.ones((5, 8))) == 1.0


def test_classes_told_apart_is_their_number_when_sure_and_one_when_blind() -> None:
    sure = np.eye(10)[np.arange(48) % 4]
    assert classes_told_apart(sure) == pytest.approx(4)
    assert classes_told_apart(np.full((50, 10), 0.1)) == pytest.approx(1)


def test_rich_embeddings_are_similar_and_poor_ones_different() -> None:
    rng = np.random.default_rng(0)
    rich = rng.normal(size=(300, 100))
    poor = rng.normal(size=(300, 8)) @ rng.normal(size=(8, 100))
    assert measure_similarity(rich, None, "mobilenet_v2", 224).score > 0.6
    assert measure_similarity(poor, None, "mobilenet_v2", 224).score < 0.1
    assert not measure_similarity(rich, None, "vgg16", 224).calibrated


@pytest.mark.parametrize(
    ("image_size", "below", "calibrated"),
    [
        (40, 6, False),
        (96, 6, True),
        (128, 6, True),
        (169, 4, True),
        (224, 3, True),
        (400, 3, False),
    ],
)
def test_the_middle_of_source_classes_falls_with_the_size_of_pictures(
    image_size: int, below: int, calibrated: bool
) -> None:
    rich = np.random.default_rng(0).normal(size=(400, 500))  # 1 by its dimension
    for classes in (below, below + 1):
        source = np.eye(10)[np.arange(400) % classes]
        found = measure_similarity(rich, source, "mobilenet_v2", image_size)
        assert found.source_classes == pytest.approx(classes, rel=1e-3)
        assert (found.score > 0.75) is (classes > below)
        assert found.calibrated is bool(found.landmarks) is calibrated


def test_each_class_is_named_after_what_it_looks_like() -> None:
    source = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.0, 0.1, 0.9]])
    found = nearest_classes(source, np.array([2, 2, 0]), ["a", "b", "c"], ["cat", "dog", "fox"])
    assert list(found) == ["a", "c"]  # no image of b was drawn
    assert [name for name, _ in found["c"]] == ["cat", "dog"]
    assert [share for _, share in found["c"]] == pytest.approx([0.6, 0.3])
