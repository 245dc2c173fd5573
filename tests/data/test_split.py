"""Splits: shares, groups, splits that the folder has, and folds."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest
from tlearn.data.notes import FolderNote
from tlearn.data.sampling import stratified_share, train_folds
from tlearn.data.split import fold_indices, make_split
from tlearn.errors import DataError

Row = tuple[int, str, str | None]
"""Label, content, split."""


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def split_rows(
    rows: Sequence[Row], classes: Sequence[str] = "abcdefghij", **options: object
) -> SplitManifest:
    """Split images, which are unreadable if their content starts with "bad"."""
    used = tuple(classes[: max(label for label, _, _ in rows) + 1])
    images = [
        LabeledImage(Path(f"/p/{n}.png"), f"{n}.png", label, split)
        for n, (label, _, split) in enumerate(rows)
    ]
    infos = [
        ImageInfo(sha(content), 9, 9, "PNG", False, "empty" if content[:3] == "bad" else None)
        for _, content, _ in rows
    ]
    folder = ImageFolder(Path("/p"), used, tuple(images), "classes")
    return make_split(folder, infos, **options)  # type: ignore[arg-type]


def test_an_archive_is_named_not_its_place_in_the_cache() -> None:
    note = FolderNote("unpacked", "note", "", ("flowers.zip",))
    images = [LabeledImage(Path(f"/p/{n}"), str(n), n // 2) for n in range(4)]
    infos = [ImageInfo(sha(str(n)), 9, 9, "PNG", False, None) for n in range(4)]
    folder = ImageFolder(Path("/p"), ("a", "b"), tuple(images), "classes", notes=(note,))
    with pytest.raises(DataError, match=r"too few images in 'flowers\.zip'"):
        make_split(folder, infos)


def rows_of(*counts: int, split: str | None = None, start: str = "") -> list[Row]:
    return [(c, f"{start}{c}-{n}", split) for c, count in enumerate(counts) for n in range(count)]


def check(manifest: SplitManifest) -> None:
    """Assert what holds for every split."""
    splits: dict[str, set[str]] = {}
    labels: dict[str, set[int]] = {}
    for digest, split, label in zip(
        manifest.digests, manifest.splits, manifest.labels, strict=True
    ):
        splits.setdefault(digest, set()).add(split)
        labels.setdefault(digest, set()).add(label)
    assert all(len(values) == 1 for values in [*splits.values(), *labels.values()])
    assert manifest.labels.dtype == np.int64 and manifest.report_split in manifest.splits
    assert (manifest.folds == 0) == ("val" in manifest.splits)
    trained = manifest.labels[manifest.indices("train")]
    assert min(np.bincount(trained, minlength=len(manifest.classes))) >= 2
    assert sum(manifest.count(split) for split in ("train", "val", "test")) == len(manifest.names)


def shares(manifest: SplitManifest, split: str) -> list[int]:
    labels = manifest.labels[manifest.indices(split)]
    return np.bincount(labels, minlength=len(manifest.classes)).tolist()


@pytest.mark.parametrize("counts", [(10, 10), (100, 13, 47), (33, 11, 20, 10), (200, 10)])
@pytest.mark.parametrize("fractions", [(0.15, 0.15), (0.2, 0.1), (0.25, 0.25)])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_class_is_split_by_the_fractions(
    counts: tuple[int, ...], fractions: tuple[float, float], seed: int
) -> None:
    val, test = fractions
    manifest = split_rows(rows_of(*counts), val_fraction=val, test_fraction=test, seed=seed)
    check(manifest)
    assert manifest.folds == 0 and manifest.report_split == "test"
    exact = {"train": 1 - val - test, "val": val, "test": test}
    for split, fraction in exact.items():
        for share, count in zip(shares(manifest, split), counts, strict=True):
            assert abs(share - fraction * count) <= 1


def test_seventy_fifteen_fifteen() -> None:
    manifest = split_rows(rows_of(100, 100))
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        *([70, 70], [15, 15], [15, 15])
    ]


def test_same_seed_same_split_whatever_the_order() -> None:
    rows = rows_of(40, 30)
    first = split_rows(rows, seed=3)
    again = split_rows(rows[::-1], seed=3)
    assert dict(zip(first.digests, first.splits, strict=True)) == dict(
        zip(again.digests, again.splits, strict=True)
    )
    assert first.splits != split_rows(rows, seed=4).splits


def test_a_new_class_moves_no_other_image() -> None:
    before, after = split_rows(rows_of(40, 30)), split_rows(rows_of(40, 30, 50))
    assert after.splits[:70] == before.splits


@pytest.mark.parametrize("seed", range(8))
def test_copies_stay_in_one_split(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows: list[Row] = [
        (label, f"{label}-{rng.integers(0, 25)}", None) for label in (0, 1, 2) for _ in range(60)
    ]
    manifest = split_rows(rows, seed=seed)
    check(manifest)
    assert len(manifest.names) == 180
    for split in ("val", "test"):
        assert all(abs(share - 9) <= 3 for share in shares(manifest, split))


def test_unreadable_and_conflicting_images_are_left_out() -> None:
    rows = rows_of(20, 20)
    rows[3] = (0, "bad", None)
    rows[5] = (0, "both", None)
    rows[30] = (1, "both", None)
    manifest = split_rows(rows)
    check(manifest)
    assert {"3.png", "5.png", "30.png"}.isdisjoint(manifest.names)
    assert len(manifest.names) == 37


@pytest.mark.parametrize(
    ("counts", "folds"),
    [((10, 10), 0), ((9, 10), 5), ((100, 3), 2), ((3, 3), 2), ((4, 50), 3), ((2, 30), 2)],
)
def test_tiny_classes_get_folds(counts: tuple[int, int], folds: int) -> None:
    manifest = split_rows(rows_of(*counts))
    check(manifest)
    assert manifest.folds == folds
    for share, count in zip(shares(manifest, "test"), counts, strict=True):
        assert share >= (1 if count >= 3 else 0)


def test_two_images_stay_in_train() -> None:
    manifest = split_rows(rows_of(3, 20), val_fraction=0.2, test_fraction=0.5)
    check(manifest)
    assert shares(manifest, "train")[0] == 2 and shares(manifest, "test")[0] == 1


@pytest.mark.parametrize("fractions", [(0, 0.1), (0.1, 0), (0.5, 0.5), (-0.1, 0.2), (0.1, 1)])
def test_fractions_that_leave_a_split_empty(fractions: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="fraction"):
        split_rows(rows_of(20, 20), val_fraction=fractions[0], test_fraction=fractions[1])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([*rows_of(20), (1, "bad", None)], "no image of 'b'"),
        (rows_of(20, 20, 1), "to train on in 'c'"),
        (rows_of(20, 20) + [(2, "same", None)] * 9, "to train on in 'c'"),
        ([*rows_of(20, 20), (2, "bad", None), (2, "good", None)], "to train on in 'c'"),
        (rows_of(2, 2), "none is left to test on"),
        ([*rows_of(9, 9, split="train"), (2, "x", "val")], "val has the class 'c'"),
        ([*rows_of(9, 9, split="train"), (0, "bad", "test")], "no image of the test split"),
    ],
)
def test_too_few_images_are_an_error(rows: list[Row], message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        split_rows(rows)
    assert raised.value.hint


def test_the_same_image_in_both_classes_is_named_in_both() -> None:
    rows: list[Row] = [*rows_of(3), (1, "0-2", None), (1, "bad", None)]
    with pytest.raises(DataError) as raised:
        split_rows(rows)
    assert "can be used: '2.png' and '3.png' are the same image" in str(raised.value)


def test_an_unknown_class_suggests_the_nearest() -> None:
    rows = [*rows_of(9, 9, split="train"), (2, "x", "val")]
    with pytest.raises(DataError) as raised:
        split_rows(rows, ["cats", "dogs", "Cats"])
    assert "'cats'" in raised.value.hint


def test_splits_of_the_folder_are_kept() -> None:
    rows = rows_of(9, 9, split="train") + rows_of(4, 0, split="val", start="v")
    manifest = split_rows(rows + rows_of(1, 7, split="test", start="t"))
    check(manifest)
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        [9, 9],
        [4, 0],
        [1, 7],
    ]
    assert manifest.report_split == "test"


def test_train_and_val_report_on_val() -> None:
    manifest = split_rows(rows_of(9, 9, split="train") + rows_of(4, 4, split="val", start="v"))
    check(manifest)
    assert manifest.report_split == "val" and manifest.count("test") == 0


def test_val_is_split_off_train_if_there_is_test() -> None:
    manifest = split_rows(rows_of(40, 20, split="train") + rows_of(5, 5, split="test", start="t"))
    check(manifest)
    assert shares(manifest, "val") == [6, 3] and shares(manifest, "test") == [5, 5]


def test_train_and_test_with_a_tiny_class() -> None:
    manifest = split_rows(rows_of(40, 4, split="train") + rows_of(5, 5, split="test", start="t"))
    check(manifest)
    assert manifest.folds == 4 and shares(manifest, "train") == [40, 4]


def test_leaks_are_dropped_from_the_earlier_split() -> None:
    rows = rows_of(20, 20, split="train") + rows_of(6, 6, split="val", start="v")
    rows += rows_of(6, 6, split="test", start="t")
    rows += [(0, "0-1", "val"), (0, "0-2", "test"), (1, "t1-0", "val"), (1, "1-1", "test")]
    manifest = split_rows(rows)
    check(manifest)
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        [18, 19],
        [7, 6],
        [7, 7],
    ]


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_row_is_held_out_once(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [50, 23, 7])
    digests = [f"{label}-{rng.integers(0, 40)}" for label in labels]
    folds = fold_indices(labels, digests, k, seed)
    assert len(folds) == k
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(80))
    for train, held_out in folds:
        assert sorted([*train, *held_out]) == list(range(80))
        assert not {digests[row] for row in train} & {digests[row] for row in held_out}
        assert set(labels[train]) == {0, 1, 2}
        exact = np.bincount(labels) / k
        assert (np.abs(np.bincount(labels[held_out], minlength=3) - exact) <= 2).all()
    again = fold_indices(labels, digests, k, seed)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_folds_of_single_images_are_even() -> None:
    labels = np.repeat([0, 1], [21, 9])
    digests = [str(n) for n in range(30)]
    held_out = [rows for _, rows in fold_indices(labels, digests, 5, 0)]
    assert [len(rows) for rows in held_out] == [6] * 5
    assert {Counter(labels[rows])[1] for rows in held_out} == {1, 2}
    other = fold_indices(labels, digests, 5, 1)
    assert any(not np.array_equal(a, b[1]) for a, b in zip(held_out, other, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_large_group_is_balanced_by_small_ones(seed: int) -> None:
    digests = ["many"] * 10 + [str(n) for n in range(10)]
    folds = fold_indices(np.zeros(20, np.int64), digests, 2, seed)
    assert [len(held_out) for _, held_out in folds] == [10, 10]


@pytest.mark.parametrize("k", [0, 1, 3])
def test_an_impossible_number_of_folds_is_a_bug(k: int) -> None:
    with pytest.raises(ValueError, match="expected 2 <= k"):
        fold_indices(np.array([0, 0, 1]), ["a", "a", "b"], k, 0)


def splits_by_group(manifest: SplitManifest, groups: Sequence[str | None]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, split in zip(manifest.names, manifest.splits, strict=True):
        group = groups[int(name.removesuffix(".png"))]
        if group is not None:
            found.setdefault(group, set()).add(split)
    return found


@st.composite
def grouped_rows(draw: st.DrawFn) -> tuple[list[Row], list[str | None]]:
    """Images of up to three classes, some with copies, in groups that may span classes."""
    n = draw(st.integers(6, 60))
    part = st.sampled_from(["train", "train", "val", "test"])
    given_splits = draw(st.booleans())
    rows: list[Row] = [
        (label, f"{label}-{draw(st.integers(0, 80))}", draw(part) if given_splits else None)
        for label in draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    ]
    group = st.one_of(st.none(), st.integers(0, 15).map("patient{}".format))
    return rows, draw(st.lists(group, min_size=n, max_size=n))


@settings(deadline=None, max_examples=150)
@given(grouped_rows(), st.integers(0, 3))
def test_no_group_stands_on_two_sides_of_split_fold_or_curve(
    drawn: tuple[list[Row], list[str | None]], seed: int
) -> None:
    rows, groups = drawn
    try:
        manifest = split_rows(rows, groups=groups, seed=seed)
    except DataError as error:
        assert error.hint
        return
    assert all(len(splits) == 1 for splits in splits_by_group(manifest, groups).values())
    own = manifest.groups_of("train")
    labels = manifest.labels[manifest.indices("train")]
    for fitted, held_out in train_folds(manifest, seed):
        part = stratified_share(fitted, labels, 0.5, seed, own)
        assert set(part) <= set(fitted)
        assert not {own[row] for row in fitted} & {own[row] for row in held_out}


def test_groups_are_divided_whole_and_by_class() -> None:
    rows = rows_of(100, 60)
    groups = [f"{label}-{n // 4}" for n, (label, _, _) in enumerate(rows)]
    manifest = split_rows(rows, groups=groups)
    check(manifest)
    assert all(len(splits) == 1 for splits in splits_by_group(manifest, groups).values())
    for split in ("val", "test"):
        assert shares(manifest, split) == [12, 8]
    assert manifest.groups[0] == "0-0"


def test_a_group_of_two_classes_is_one_group() -> None:
    rows = rows_of(40, 40)
    groups = [f"patient{n % 20}" for n in range(80)]  # each with two images of either class
    manifest = split_rows(rows, groups=groups)
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        [28, 28],
        [6, 6],
        [6, 6],
    ]
    for fitted, held_out in train_folds(manifest, 0):
        labels = manifest.labels[manifest.indices("train")]
        assert set(labels[fitted]) == {0, 1} and len(held_out) in (8, 12)


def test_groups_of_single_images_leave_the_split_as_it_is() -> None:
    rows = rows_of(40, 30)
    named = split_rows(rows, groups=[f"patient{n}" for n in range(70)])
    assert (named.splits, named.groups) == (split_rows(rows).splits, split_rows(rows).digests)


def test_one_more_group_moves_few_others() -> None:
    rows = rows_of(120, 120)
    groups = [f"patient{n // 3}" for n in range(240)]
    more: list[Row] = [*rows, (0, "new", None), (0, "newer", None)]
    before = split_rows(rows, groups=groups)
    after = split_rows(more, groups=[*groups, "patient-x", "patient-x"])
    moved = sum(a != b for a, b in zip(before.splits, after.splits[:240], strict=True))
    assert moved <= 6


def with_pixels(manifest_rows: Sequence[Row], pixels: Sequence[str]) -> SplitManifest:
    images = [
        LabeledImage(Path(f"/p/{n}.png"), f"{n}.png", label, split)
        for n, (label, _, split) in enumerate(manifest_rows)
    ]
    infos = [
        ImageInfo(sha(content), 9, 9, "PNG", False, pixels=looks)
        for (_, content, _), looks in zip(manifest_rows, pixels, strict=True)
    ]
    return make_split(ImageFolder(Path("/p"), ("a", "b"), tuple(images), "classes"), infos)


def test_files_with_the_same_pixels_are_copies_whatever_their_bytes() -> None:
    rows = rows_of(20, 20, split="train") + rows_of(6, 6, split="test", start="t")
    pixels = [content for _, content, _ in rows]
    pixels[40:43] = pixels[0:3]  # three test images look like three of train
    pixels[25] = pixels[5]  # and one picture is in two classes
    manifest = with_pixels(rows, pixels)
    assert {"0.png", "1.png", "2.png", "5.png", "25.png"}.isdisjoint(manifest.names)
    assert manifest.count("test") == 12


def test_a_val_part_that_repeats_train_is_told_as_that() -> None:
    rows = rows_of(8, 8, split="train") + rows_of(8, 8, split="val")
    with pytest.raises(
        DataError, match="train repeats val or test: 16 of 16 images of 'a', 'b' are copies"
    ) as raised:
        split_rows(rows)
    assert "remove the part that is a copy" in raised.value.hint


def test_a_class_of_one_group_cannot_be_divided() -> None:
    rows = rows_of(12, 12)
    groups = ["same"] * 12 + [f"g{n // 2}" for n in range(12)]
    with pytest.raises(DataError, match="train on in 'a' are of one group") as raised:
        split_rows(rows, groups=groups)
    assert raised.value.hint.endswith("--groups off")


def test_a_train_part_of_groups_that_are_all_in_test_is_told_as_that() -> None:
    rows = rows_of(8, 8, split="train") + rows_of(8, 8, split="test", start="t")
    groups = [f"patient{n % 16}" for n in range(32)]
    with pytest.raises(DataError, match=r"16 of 16 images of 'a', 'b' .* of one group") as raised:
        split_rows(rows, groups=groups)
    assert "each group, in one part only" in raised.value.hint


def test_images_of_train_whose_group_is_in_test_are_left_out() -> None:
    rows = rows_of(10, 10, split="train") + rows_of(4, 4, split="test", start="t")
    groups = [f"patient{n // 2}" for n in range(20)] + ["patient0", "patient5", *[None] * 6]
    manifest = split_rows(rows, groups=groups)
    assert {"0.png", "1.png", "10.png", "11.png"}.isdisjoint(manifest.names)
    assert len(manifest.names) == 24 and manifest.count("test") == 8
