"""A manifest comes back exactly as it was written; a damaged one names the line."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlearn.data.manifest import SplitManifest, SplitRow, read_manifest, write_manifest
from tlearn.errors import DataError

HOSTILE_NAMES = (
    *("a,b.png", 'q"uote.png', "new\nline.png", "cr\r.png", "猫/é.png", "\udcff.png", " s.png "),
)


def sha(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def manifest_of(classes: Sequence[str] = "ab", per_class: int = 20, val: int = 3) -> SplitManifest:
    """Of every class, the first images are test, the next ones val."""
    splits = ["test"] * 3 + ["val"] * val + ["train"] * (per_class - 3 - val)
    return SplitManifest.of(
        classes,
        [
            SplitRow(f"{label * per_class + n}.png", label, sha(f"{label}-{n}"), split)
            for label in range(len(classes))
            for n, split in enumerate(splits)
        ],
    )


def equal(first: SplitManifest, second: SplitManifest) -> bool:
    keys = ("classes", "names", "splits", "digests", "groups", "report_split", "folds")
    same = all(getattr(first, key) == getattr(second, key) for key in keys)
    return same and np.array_equal(first.labels, second.labels)


def test_rows_of_a_split_are_found_and_counted() -> None:
    manifest = manifest_of(per_class=6, val=1)
    assert manifest.indices("val").tolist() == [3, 9] and manifest.count("val") == 2
    assert manifest.report_split == "test" and manifest.folds == 0
    assert manifest.labels.dtype == np.int64


def test_without_val_there_are_as_many_folds_as_different_images_of_a_class() -> None:
    assert manifest_of(per_class=20, val=0).folds == 5
    assert manifest_of(per_class=6, val=0).folds == 3


def test_without_test_val_is_reported_on() -> None:
    rows = [SplitRow(f"{n}", n % 2, sha(f"{n}"), "val" if n < 2 else "train") for n in range(8)]
    assert SplitManifest.of("ab", rows).report_split == "val"


@pytest.mark.parametrize("val", [3, 0])
def test_a_manifest_comes_back(tmp_path: Path, val: int) -> None:
    manifest = manifest_of(["a,b", 'say "x"'], val=val)
    write_manifest(manifest, tmp_path / "split.csv")
    assert equal(read_manifest(tmp_path / "split.csv"), manifest)
    first_line = (tmp_path / "split.csv").read_text("utf-8").splitlines()[0]
    assert first_line == "name,label,class,split,sha256,group"


def test_hostile_names_come_back(tmp_path: Path) -> None:
    plain = manifest_of(["two\nlines", "back\r\n,\"'猫"])
    manifest = replace(plain, names=HOSTILE_NAMES + plain.names[len(HOSTILE_NAMES) :])
    write_manifest(manifest, tmp_path / "split.csv")
    assert equal(read_manifest(tmp_path / "split.csv"), manifest)


def test_the_columns_of_earlier_versions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "split.csv"
    write_manifest(manifest_of(), path)
    text = path.read_text("utf-8")
    lines = [line.rpartition(",")[0] for line in text.splitlines()]  # without groups
    for split in ("split", "part"):
        lines[0] = f"name,label,class,{split},sha256"
        path.write_text("\n".join(lines), "utf-8")
        assert equal(read_manifest(path), manifest_of())


def test_groups_come_back_and_bound_the_folds(tmp_path: Path) -> None:
    plain = manifest_of(per_class=20, val=0)
    rows = [
        SplitRow(name, int(label), digest, split, f'{label} "patient",\n{n // 6}')
        for n, (name, label, digest, split) in enumerate(
            zip(plain.names, plain.labels, plain.digests, plain.splits, strict=True)
        )
    ]
    manifest = SplitManifest.of("ab", rows)
    assert manifest.folds == 4  # 17 images of a class to train on, in four groups
    write_manifest(manifest, tmp_path / "split.csv")
    assert equal(read_manifest(tmp_path / "split.csv"), manifest)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name,label", "label,name", "line 1"),
        ("2.png,0", "2.png,x", "line 4: the label 'x'"),
        ("2.png,0,a,", "2.png,0,b,", "line 4: label 0 stands for two classes"),
        ("\n2.png,", "\n1.png,", "line 4: '1.png' is listed twice"),
        (sha("0-2"), sha("0-2")[:9], "line 4: .* is not a SHA-256"),
        ("2.png,0,a,", "2.png,0,a,dev", "line 4: the split"),
        ("2.png,0,a,", "2.png,0,", "line 4: 5 columns"),
        ("\n2.png,", '\n"2.png,', "unexpected end"),
        (",1,b,", ",2,b,", "has no train images"),
    ],
)
def test_a_damaged_manifest_names_the_line(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = tmp_path / "split.csv"
    write_manifest(manifest_of(), path)
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(DataError, match=message) as error:
        read_manifest(path)
    assert error.value.hint and str(path) in error.value.message


def test_a_missing_or_empty_manifest_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read"):
        read_manifest(tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text("")
    with pytest.raises(DataError, match="columns"):
        read_manifest(tmp_path / "split.csv")
    (tmp_path / "split.csv").write_text("name,label,class,split,sha256\n")
    with pytest.raises(DataError, match="no train images"):
        read_manifest(tmp_path / "split.csv")


def test_a_huge_file_or_a_pipe_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(40 * 10**9)
    for name, problem in (("pipe.csv", "it is a pipe"), ("sparse.csv", "it is larger than")):
        with pytest.raises(DataError, match=problem):
            read_manifest(tmp_path / name)
