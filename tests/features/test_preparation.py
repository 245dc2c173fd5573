"""Which rows are looked at, and into how many folds they are divided."""

from __future__ import annotations

import numpy as np
import pytest

from tlearn.data.sampling import FOLDS, make_folds, stratified


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sample_has_every_class_in_its_share(seed: int) -> None:
    labels = np.random.default_rng(2).permutation(np.repeat([0, 1, 2], [900, 99, 1]))
    rows = stratified(labels, 100, seed)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_allclose(np.bincount(labels[rows]), [90, 9, 1], atol=1)
    np.testing.assert_array_equal(rows, stratified(labels, 100, seed))


def test_few_pictures_are_all_taken() -> None:
    np.testing.assert_array_equal(stratified(np.array([1, 0, 1]), 10, 0), [0, 1, 2])


@pytest.mark.parametrize("most", [100, 500])
def test_of_hundreds_of_classes_each_has_its_row_first(most: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(250), 8))
    counts = np.bincount(labels[stratified(labels, most, 0)], minlength=250)
    assert counts.sum() == most and set(counts) <= {most // 250, -(-most // 250)}


@pytest.mark.parametrize(
    ("classes", "k"),
    [
        (["abcdefgh", "ABCDEF"], FOLDS),
        (["abcdefgh", "ABC"], 3),
        (["abcdefgh", "A"], 2),
        (["aaaab", "CCCCD"], 2),  # five of each, and but four different images in all
    ],
)
def test_there_are_no_more_folds_than_different_pictures_of_a_class(
    classes: list[str], k: int
) -> None:
    digests = list("".join(classes))
    labels = np.repeat(np.arange(len(classes)), [len(each) for each in classes])
    folds = make_folds(labels, digests, seed=0)
    assert len(folds) == k
    np.testing.assert_array_equal(
        np.sort(np.concatenate([out for _, out in folds])), range(len(labels))
    )
    for solved, out in folds:
        assert not {digests[row] for row in solved} & {digests[row] for row in out}
