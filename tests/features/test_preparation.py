from __future__ import annotations

import numpy as np
import pytest

from tlearn.features.preparation import stratified


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sample_has_every_class_in_its_share(seed: int) -> None:
    labels = np.random.default_rng(2).permutation(np.repeat([0, 1, 2], [900, 99, 1]))
    rows = stratified(labels, 100, seed)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_allclose(np.bincount(labels[rows]), [90, 9, 1], atol=1)
    np.testing.assert_array_equal(rows, stratified(labels, 100, seed))


def test_few_pictures_are_all_taken() -> None:
    np.testing.assert_array_equal(stratified(np.array([1, 0, 1]), 10, 0), [0, 1, 2])
