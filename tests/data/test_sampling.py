"""Which rows are drawn, and how they are divided into folds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.written_run import make_manifest
from tlearn.data.sampling import (
    FOLDS,
    fold_splits,
    in_turn,
    make_folds,
    representative,
    sample_size,
    stratified,
    stratified_order,
    stratified_share,
)
from tlearn.errors import DataError

LABELS = np.array([0] * 50 + [1] * 5 + [2] * 20)
PIXELS = np.broadcast_to(np.arange(75, dtype=np.uint8)[:, None, None, None], (75, 4, 4, 3))


def chosen(limit: int, seed: int = 0) -> np.ndarray:
    return representative(PIXELS, LABELS, limit, seed)[:, 0, 0, 0]


@pytest.mark.parametrize("seed", [0, 1])
def test_a_sample_has_every_class_in_its_share(seed: int) -> None:
    labels = np.random.default_rng(2).permutation(np.repeat([0, 1, 2], [900, 99, 1]))
    rows = stratified(labels, 100, seed)
    assert (np.diff(rows) > 0).all()
    np.testing.assert_allclose(np.bincount(labels[rows]), [90, 9, 1], atol=1)
    np.testing.assert_array_equal(rows, stratified(labels, 100, seed))


def test_few_images_are_all_taken() -> None:
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
        (["aaaab", "CCCCD"], 2),  # five of each, but only two different images
    ],
)
def test_there_are_no_more_folds_than_different_images_of_a_class(
    classes: list[str], k: int
) -> None:
    digests = list("".join(classes))
    labels = np.repeat(np.arange(len(classes)), [len(each) for each in classes])
    folds = make_folds(labels, digests, seed=0)
    assert len(folds) == k
    np.testing.assert_array_equal(
        np.sort(np.concatenate([out for _, out in folds])), range(len(labels))
    )
    for fitted, out in folds:
        assert not {digests[row] for row in fitted} & {digests[row] for row in out}


@pytest.mark.parametrize(
    ("limit", "counts"),
    [(3, [1, 1, 1]), (12, [4, 4, 4]), (25, [10, 5, 10]), (60, [35, 5, 20]), (200, [50, 5, 20])],
)
def test_classes_get_equal_shares(limit: int, counts: list[int]) -> None:
    rows = chosen(limit)
    assert np.bincount(LABELS[rows], minlength=3).tolist() == counts
    assert len(set(rows.tolist())) == len(rows)


def test_the_seed_decides() -> None:
    assert chosen(12, seed=1).tolist() == chosen(12, seed=1).tolist()
    assert chosen(12, seed=1).tolist() != chosen(12, seed=2).tolist()


def test_bytes_stay_bytes() -> None:
    images = representative(PIXELS, LABELS, 10)
    assert images.dtype == np.uint8
    assert images.shape == (10, 4, 4, 3)


@pytest.mark.parametrize(("classes", "size"), [(2, 100), (50, 100), (80, 160), (900, 500)])
def test_sample_size(classes: int, size: int) -> None:
    assert sample_size(classes) == size


def test_every_beginning_of_a_stratified_order_is_balanced() -> None:
    order = stratified_order(LABELS, seed=3)
    assert sorted(order) == list(range(len(LABELS)))
    for end in (3, 6, 15):
        assert np.bincount(LABELS[order[:end]]).tolist() == [end // 3] * 3


def test_classes_take_turns_and_keep_their_order() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    assert in_turn(np.array([2, 1, 0, 4, 5]), labels).tolist() == [2, 4, 5, 1, 0]


@pytest.mark.parametrize(("share", "counts"), [(0.5, [25, 2, 10]), (0.01, [1, 1, 1])])
def test_a_share_is_taken_of_every_class(share: float, counts: list[int]) -> None:
    rows = stratified_share(np.arange(75), LABELS, share, seed=0)
    assert np.bincount(LABELS[rows]).tolist() == counts
    assert (np.diff(rows) > 0).all()


def test_a_share_is_drawn_group_after_group() -> None:
    groups = [f"g{row // 5}" for row in range(75)]
    rows = stratified_share(np.arange(75), LABELS, 0.5, 0, groups)
    assert np.bincount(LABELS[rows]).tolist() == [25, 2, 10]
    assert len({groups[row] for row in rows}) == 5 + 1 + 2
    single = [str(row) for row in range(75)]
    np.testing.assert_array_equal(
        stratified_share(np.arange(75), LABELS, 0.5, 0, single),
        stratified_share(np.arange(75), LABELS, 0.5, 0),
    )


def test_folds_of_one_group_are_an_error() -> None:
    with pytest.raises(DataError, match="all of one group"):
        make_folds(np.array([0, 0, 1]), ["p", "p", "p"], seed=0)


def test_folds_of_a_split_test_each_image_once_and_keep_groups_and_classes() -> None:
    manifest = make_manifest(counts={"train": 14, "val": 4, "test": 5})
    groups = [f"{label}-{n % 9}" for n, label in enumerate(manifest.labels.tolist())]
    manifest = replace(manifest, groups=tuple(groups))
    splits = fold_splits(manifest, 3, seed=1)
    tested = [name for fold in splits for name in np.array(fold.names)[fold.indices("test")]]
    held_out = np.array(manifest.names)[manifest.indices("test")]
    assert sorted(tested) == sorted({*manifest.names} - {*held_out})
    for fold in splits:
        parts = [{*fold.groups_of(split)} for split in ("train", "val", "test")]
        assert all(parts) and sum(map(len, parts)) == len(set.union(*parts))
        assert {*fold.labels[fold.indices("test")].tolist()} == {0, 1, 2}
