"""Splits: shares, groups, ready-made parts, folds and the manifest."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tlearn.data.decode import ImageInfo
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.split import SplitManifest, fold_indices, make_split, read_manifest, write_manifest
from tlearn.errors import DataError

Row = tuple[int, str, str | None]
"""Label, content, part."""


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def cut(
    rows: Sequence[Row], classes: Sequence[str] = "abcdefghij", **options: float
) -> SplitManifest:
    """Split of pictures whose content starts with "bad" when unreadable."""
    used = tuple(classes[: max(label for label, _, _ in rows) + 1])
    images = [
        LabeledImage(Path(f"/p/{n}.png"), f"{n}.png", label, split)
        for n, (label, _, split) in enumerate(rows)
    ]
    facts = [
        ImageInfo(sha(content), 9, 9, "PNG", False, "empty" if content[:3] == "bad" else None)
        for _, content, _ in rows
    ]
    folder = ImageFolder(Path("/p"), used, tuple(images), "classes")
    return make_split(folder, facts, **options)  # type: ignore[arg-type]


def rows_of(*counts: int, split: str | None = None, start: str = "") -> list[Row]:
    return [(c, f"{start}{c}-{n}", split) for c, count in enumerate(counts) for n in range(count)]


def check(manifest: SplitManifest) -> None:
    """What holds for every split."""
    sides: dict[str, set[str]] = {}
    labels: dict[str, set[int]] = {}
    for digest, split, label in zip(
        manifest.digests, manifest.splits, manifest.labels, strict=True
    ):
        sides.setdefault(digest, set()).add(split)
        labels.setdefault(digest, set()).add(label)
    assert all(len(found) == 1 for found in [*sides.values(), *labels.values()])
    assert manifest.labels.dtype == np.int64 and manifest.report_split in manifest.splits
    assert (manifest.folds == 0) == ("val" in manifest.splits)
    trained = manifest.labels[manifest.indices("train")]
    assert min(np.bincount(trained, minlength=len(manifest.classes))) >= 2
    assert sum(manifest.count(split) for split in ("train", "val", "test")) == len(manifest.names)


def shares(manifest: SplitManifest, split: str) -> list[int]:
    found = manifest.labels[manifest.indices(split)]
    return np.bincount(found, minlength=len(manifest.classes)).tolist()


@pytest.mark.parametrize("counts", [(10, 10), (100, 13, 47), (33, 11, 20, 10), (200, 10)])
@pytest.mark.parametrize("fractions", [(0.15, 0.15), (0.2, 0.1), (0.25, 0.25)])
@pytest.mark.parametrize("seed", [0, 1])
def test_shares_of_every_class(
    counts: tuple[int, ...], fractions: tuple[float, float], seed: int
) -> None:
    val, test = fractions
    manifest = cut(rows_of(*counts), val_fraction=val, test_fraction=test, seed=seed)
    check(manifest)
    assert manifest.folds == 0 and manifest.report_split == "test"
    exact = {"train": 1 - val - test, "val": val, "test": test}
    for split, fraction in exact.items():
        for found, count in zip(shares(manifest, split), counts, strict=True):
            assert abs(found - fraction * count) <= 1


def test_seventy_fifteen_fifteen() -> None:
    manifest = cut(rows_of(100, 100))
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        *([70, 70], [15, 15], [15, 15])
    ]


def test_same_seed_same_split_whatever_the_order() -> None:
    rows = rows_of(40, 30)
    first = cut(rows, seed=3)
    again = cut(rows[::-1], seed=3)
    assert dict(zip(first.digests, first.splits, strict=True)) == dict(
        zip(again.digests, again.splits, strict=True)
    )
    assert first.splits != cut(rows, seed=4).splits


def test_a_new_class_moves_no_other_picture() -> None:
    before, after = cut(rows_of(40, 30)), cut(rows_of(40, 30, 50))
    assert after.splits[:70] == before.splits


@pytest.mark.parametrize("seed", range(8))
def test_copies_stay_on_one_side(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows: list[Row] = [
        (label, f"{label}-{rng.integers(0, 25)}", None) for label in (0, 1, 2) for _ in range(60)
    ]
    manifest = cut(rows, seed=seed)
    check(manifest)
    assert len(manifest.names) == 180
    for split in ("val", "test"):
        assert all(abs(found - 9) <= 3 for found in shares(manifest, split))


def test_unreadable_and_conflicting_pictures_are_left_out() -> None:
    rows = rows_of(20, 20)
    rows[3] = (0, "bad", None)
    rows[5] = (0, "both", None)
    rows[30] = (1, "both", None)
    manifest = cut(rows)
    check(manifest)
    assert {"3.png", "5.png", "30.png"}.isdisjoint(manifest.names)
    assert len(manifest.names) == 37


@pytest.mark.parametrize(
    ("counts", "folds"),
    [((10, 10), 0), ((9, 10), 5), ((100, 3), 2), ((3, 3), 2), ((4, 50), 3), ((2, 30), 2)],
)
def test_tiny_classes_get_folds(counts: tuple[int, int], folds: int) -> None:
    manifest = cut(rows_of(*counts))
    check(manifest)
    assert manifest.folds == folds
    for found, count in zip(shares(manifest, "test"), counts, strict=True):
        assert found >= (1 if count >= 3 else 0)


def test_two_pictures_stay_in_train() -> None:
    manifest = cut(rows_of(3, 20), val_fraction=0.2, test_fraction=0.5)
    check(manifest)
    assert shares(manifest, "train")[0] == 2 and shares(manifest, "test")[0] == 1


@pytest.mark.parametrize("fractions", [(0, 0.1), (0.1, 0), (0.5, 0.5), (-0.1, 0.2), (0.1, 1)])
def test_fractions_that_leave_a_part_empty(fractions: tuple[float, float]) -> None:
    with pytest.raises(DataError, match="fraction"):
        cut(rows_of(20, 20), val_fraction=fractions[0], test_fraction=fractions[1])


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([*rows_of(20), (1, "bad", None)], "no picture of 'b'"),
        (rows_of(20, 20, 1), "to train on in 'c'"),
        (rows_of(20, 20) + [(2, "same", None)] * 9, "to train on in 'c'"),
        ([*rows_of(20, 20), (2, "bad", None), (2, "good", None)], "to train on in 'c'"),
        (rows_of(2, 2), "none is left to test on"),
        ([*rows_of(9, 9, split="train"), (2, "x", "val")], "val holds the class 'c'"),
        ([*rows_of(9, 9, split="train"), (0, "bad", "test")], "no picture of the test split"),
    ],
)
def test_too_few(rows: list[Row], said: str) -> None:
    with pytest.raises(DataError, match=said) as raised:
        cut(rows)
    assert raised.value.hint


def test_unknown_class_suggests_the_nearest() -> None:
    rows = [*rows_of(9, 9, split="train"), (2, "x", "val")]
    with pytest.raises(DataError) as raised:
        cut(rows, ["cats", "dogs", "Cats"])
    assert "'cats'" in raised.value.hint


def test_ready_made_parts_are_kept() -> None:
    rows = rows_of(9, 9, split="train") + rows_of(4, 0, split="val", start="v")
    manifest = cut(rows + rows_of(1, 7, split="test", start="t"))
    check(manifest)
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        [9, 9],
        [4, 0],
        [1, 7],
    ]
    assert manifest.report_split == "test"


def test_train_and_val_report_on_val() -> None:
    manifest = cut(rows_of(9, 9, split="train") + rows_of(4, 4, split="val", start="v"))
    check(manifest)
    assert manifest.report_split == "val" and manifest.count("test") == 0


def test_train_and_test_cut_val_from_train() -> None:
    manifest = cut(rows_of(40, 20, split="train") + rows_of(5, 5, split="test", start="t"))
    check(manifest)
    assert shares(manifest, "val") == [6, 3] and shares(manifest, "test") == [5, 5]


def test_train_and_test_with_a_tiny_class() -> None:
    manifest = cut(rows_of(40, 4, split="train") + rows_of(5, 5, split="test", start="t"))
    check(manifest)
    assert manifest.folds == 4 and shares(manifest, "train") == [40, 4]


def test_leaks_are_dropped_from_the_earlier_part() -> None:
    rows = rows_of(20, 20, split="train") + rows_of(6, 6, split="val", start="v")
    rows += rows_of(6, 6, split="test", start="t")
    rows += [(0, "0-1", "val"), (0, "0-2", "test"), (1, "t1-0", "val"), (1, "1-1", "test")]
    manifest = cut(rows)
    check(manifest)
    assert [shares(manifest, split) for split in ("train", "val", "test")] == [
        [18, 19],
        [7, 6],
        [7, 7],
    ]


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("seed", [0, 1])
def test_folds(k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = np.repeat([0, 1, 2], [50, 23, 7])
    digests = [f"{label}-{rng.integers(0, 40)}" for label in labels]
    folds = fold_indices(labels, digests, k, seed)
    assert len(folds) == k
    assert sorted(np.concatenate([held for _, held in folds])) == list(range(80))
    for train, held in folds:
        assert sorted([*train, *held]) == list(range(80))
        assert not {digests[row] for row in train} & {digests[row] for row in held}
        assert set(labels[train]) == {0, 1, 2}
        exact = np.bincount(labels) / k
        assert (np.abs(np.bincount(labels[held], minlength=3) - exact) <= 2).all()
    again = fold_indices(labels, digests, k, seed)
    assert all(np.array_equal(a[1], b[1]) for a, b in zip(folds, again, strict=True))


def test_folds_of_single_pictures_are_even() -> None:
    labels = np.repeat([0, 1], [21, 9])
    digests = [str(n) for n in range(30)]
    held = [rows for _, rows in fold_indices(labels, digests, 5, 0)]
    assert [len(rows) for rows in held] == [6] * 5
    assert {Counter(labels[rows])[1] for rows in held} == {1, 2}
    other = fold_indices(labels, digests, 5, 1)
    assert any(not np.array_equal(a, b[1]) for a, b in zip(held, other, strict=True))


@pytest.mark.parametrize("seed", range(5))
def test_a_large_group_is_balanced_by_small_ones(seed: int) -> None:
    digests = ["many"] * 10 + [str(n) for n in range(10)]
    folds = fold_indices(np.zeros(20, np.int64), digests, 2, seed)
    assert [len(held) for _, held in folds] == [10, 10]


@pytest.mark.parametrize("k", [0, 1, 3])
def test_impossible_folds(k: int) -> None:
    with pytest.raises(ValueError, match="expected 2 <= k"):
        fold_indices(np.array([0, 0, 1]), ["a", "a", "b"], k, 0)


def equal(one: SplitManifest, other: SplitManifest) -> bool:
    same = ("classes", "names", "splits", "digests", "report_split", "folds")
    return all(getattr(one, key) == getattr(other, key) for key in same) and np.array_equal(
        one.labels, other.labels
    )


@pytest.mark.parametrize("counts", [(20, 20), (3, 30)])
def test_manifest_round_trip(tmp_path: Path, counts: tuple[int, int]) -> None:
    manifest = cut(rows_of(*counts), ["a,b", 'say "x"'])
    write_manifest(manifest, tmp_path / "split.csv")
    assert equal(read_manifest(tmp_path / "split.csv"), manifest)
    first = (tmp_path / "split.csv").read_text("utf-8").splitlines()[0]
    assert first == "name,label,class,split,sha256"


def test_manifest_keeps_nasty_names(tmp_path: Path) -> None:
    plain = cut(rows_of(20, 20), ["two\nlines", "back\r\n,\"'猫"])
    odd = (
        "a,b.png",
        'q"uote.png',
        "new\nline.png",
        "cr\r.png",
        "猫/é.png",
        "\udcff.png",
        " s.png ",
    )
    manifest = SplitManifest(
        *(plain.classes, odd + plain.names[len(odd) :], plain.labels, plain.splits),
        *(plain.digests, plain.report_split, plain.folds),
    )
    write_manifest(manifest, tmp_path / "split.csv")
    assert equal(read_manifest(tmp_path / "split.csv"), manifest)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("name,label", "label,name", "line 1"),
        ("2.png,0", "2.png,x", "line 4: the label 'x'"),
        ("2.png,0,a,", "2.png,0,b,", "line 4: label 0 stands for two classes"),
        ("\n2.png,", "\n1.png,", "line 4: '1.png' is listed twice"),
        (sha("0-2"), sha("0-2")[:9], "line 4: .* is not a SHA-256"),
        ("2.png,0,a,", "2.png,0,a,dev", "line 4: the split"),
        ("2.png,0,a,", "2.png,0,", "line 4: 4 columns"),
        ("\n2.png,", '\n"2.png,', "unexpected end"),
        (",1,b,", ",2,b,", "lacks train pictures"),
    ],
)
def test_broken_manifest(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "split.csv"
    write_manifest(cut(rows_of(20, 20)), path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DataError, match=said) as raised:
        read_manifest(path)
    assert raised.value.hint and str(path) in raised.value.message


def test_missing_and_empty_manifest(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_manifest(tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text("")
    with pytest.raises(DataError, match="columns"):
        read_manifest(tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text("name,label,class,split,sha256\n")
    with pytest.raises(DataError, match="lacks"):
        read_manifest(tmp_path / "split.csv")
