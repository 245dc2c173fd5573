"""Classes that are told apart no better than by guessing."""

from __future__ import annotations

import numpy as np

from tlearn.doctor.overlap import overlapping_classes


def predicted(labels: np.ndarray, confused: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Probabilities that know the class, but guess among some classes."""
    rng = np.random.default_rng(seed)
    p = np.full((len(labels), 3), 0.05)
    p[np.arange(len(labels)), labels] = 0.9
    among = np.flatnonzero(np.isin(labels, confused))
    p[np.ix_(among, confused)] = rng.dirichlet([1] * len(confused), len(among))
    return p


def test_only_the_pair_that_is_guessed_overlaps() -> None:
    labels = np.arange(600) % 3
    (overlap,) = overlapping_classes(predicted(labels, (0, 2)), labels)
    assert (overlap.first, overlap.second) == (0, 2)
    assert overlap.interval[0] <= 0.5 <= overlap.interval[1]


def test_classes_that_are_often_told_apart_do_not_overlap() -> None:
    labels = np.arange(600) % 3
    p = predicted(labels, (0, 2))
    p[:300] = predicted(labels, ())[:300]
    assert overlapping_classes(p, labels) == []


def test_few_images_are_no_evidence() -> None:
    labels = np.arange(24) % 3
    assert overlapping_classes(predicted(labels, (0, 2)), labels) == []


def test_the_larger_class_wins_nothing_by_its_size() -> None:
    labels = np.array([0] * 500 + [1] * 100)
    p = np.tile([5 / 6, 1 / 6], (600, 1))
    p += np.random.default_rng(0).normal(0, 0.05, (600, 1)) * [1, -1]
    (overlap,) = overlapping_classes(p, labels)
    assert abs(overlap.accuracy - 0.5) < 0.1


def test_images_that_no_head_has_judged_do_not_count() -> None:
    labels = np.arange(600) % 3
    p = predicted(labels, (0, 2))
    p[100:] = 0
    assert len(overlapping_classes(p, labels)) <= 1
    assert overlapping_classes(np.zeros((600, 3)), labels) == []
