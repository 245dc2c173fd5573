"""Whether class weights help is measured, class by class."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.doctor.class_weights import are_unequal, class_weight_gain


def blobs(rare: int, distance: float) -> tuple[np.ndarray, np.ndarray, list]:
    rng = np.random.default_rng(0)
    labels = np.array([0] * 300 + [1] * rare)
    x = rng.normal(size=(len(labels), 5)).astype(np.float32)
    x[:, 0] += distance * labels
    fold_of = rng.permutation(len(labels)) % 5
    folds = [(np.flatnonzero(f != fold_of), np.flatnonzero(f == fold_of)) for f in range(5)]
    return x, labels, folds


def test_weights_help_a_rare_class_that_is_hard_to_see() -> None:
    x, labels, folds = blobs(40, 1.5)
    gain = class_weight_gain(x, labels, 2, folds)
    assert gain.helps
    assert gain.weighted - gain.plain > 0.1
    assert gain.accuracy_change < 0


def test_weights_do_not_help_where_the_rare_class_is_easily_seen() -> None:
    x, labels, folds = blobs(40, 8.0)
    gain = class_weight_gain(x, labels, 2, folds)
    assert not gain.helps
    assert gain.plain > 0.95


def test_a_handful_of_rare_images_is_no_proof() -> None:
    x, labels, folds = blobs(5, 1.5)
    assert not class_weight_gain(x, labels, 2, folds).helps


@pytest.mark.parametrize(("rare", "unequal"), [(100, False), (99, True)])
def test_more_than_three_to_one_is_unequal(rare: int, unequal: bool) -> None:
    assert are_unequal(np.array([0] * 300 + [1] * rare), 2) is unequal
