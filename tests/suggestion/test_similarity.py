"""The two measures of similarity on distributions whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.suggestion.similarity import (
    classes_told_apart,
    effective_dimension,
    measure_similarity,
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
    assert measure_similarity(rich, None, "mobilenet_v2", 224).similar
    assert not measure_similarity(poor, None, "mobilenet_v2", 224).similar
    assert not measure_similarity(rich, None, "vgg16", 224).calibrated
