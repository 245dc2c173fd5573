"""The two measures of similarity on distributions whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.suggestion.similarity import (
    Similarity,
    effective_dimension,
    inception_score,
    measure_similarity,
    nearest_classes,
    sample,
)


@pytest.mark.parametrize("dimension", [5, 20, 60])
@pytest.mark.parametrize("n", [100, 1000])
def test_effective_dimension_counts_equal_directions_whatever_n(dimension: int, n: int) -> None:
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(200, dimension)))[0]
    embeddings = rng.normal(size=(n, dimension)) @ rotation.T
    assert effective_dimension(embeddings) == pytest.approx(dimension, rel=0.15)


def test_copies_of_one_image_have_dimension_one() -> None:
    assert effective_dimension(np.ones((5, 8))) == 1.0


def test_inception_score_is_the_number_of_classes_when_certain_and_one_when_blind() -> None:
    certain = np.eye(10)[np.arange(48) % 4]
    assert inception_score(certain) == pytest.approx(4)
    assert inception_score(np.full((50, 10), 0.1)) == pytest.approx(1)


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
def test_the_midpoint_of_source_classes_falls_with_the_image_size(
    image_size: int, below: int, calibrated: bool
) -> None:
    rich = np.random.default_rng(0).normal(size=(400, 500))  # score 1 by its dimension
    for classes in (below, below + 1):
        source = np.eye(10)[np.arange(400) % classes]
        similarity = measure_similarity(rich, source, "mobilenet_v2", image_size)
        assert similarity.source_classes == pytest.approx(classes, rel=1e-3)
        assert (similarity.score > 0.75) is (classes > below)
        assert similarity.calibrated is bool(similarity.landmarks) is calibrated


def test_the_text_says_what_the_score_was_computed_from() -> None:
    text = Similarity(0.3, 27.4, 3.14, True).in_words()
    assert text == (
        "similarity 0.30 of 1, from the effective dimension of the embeddings (27) and the number "
        "of source classes told apart (3.1)"
    )
    assert "not calibrated" in Similarity(0.3, 27.4, None, False).in_words()


def test_many_images_are_sampled_the_same_way_each_time() -> None:
    assert sorted(sample(np.arange(30))) == list(range(30))
    first, second = sample(np.arange(5_000)), sample(np.arange(5_000))
    assert len(set(first)) == 1_000 and list(first) == list(second)


def test_each_class_is_named_after_the_source_classes_it_resembles() -> None:
    source = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.0, 0.1, 0.9]])
    nearest = nearest_classes(source, np.array([2, 2, 0]), ["a", "b", "c"], ["cat", "dog", "fox"])
    assert list(nearest) == ["a", "c"]  # no image of b was sampled
    assert [name for name, _ in nearest["c"]] == ["cat", "dog"]
    assert [share for _, share in nearest["c"]] == pytest.approx([0.6, 0.3])
