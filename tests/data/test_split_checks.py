"""Splits of labels and numbers: their strata are no classes that a person could add images to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.conftest import label_table
from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import inspect_dataset
from tlearn.data.manifest import SplitManifest
from tlearn.data.split import make_split
from tlearn.errors import DataError


def infos_of(folder: ImageFolder, copies: int = 0) -> list[ImageInfo]:
    """Return facts of which the last `copies` images look like the first."""
    n = len(folder.images)
    looks = [*range(n - copies), *range(copies)]
    return [ImageInfo(f"{k:064x}", 48, 48, "PNG", False, pixels=f"{looks[k]}") for k in range(n)]


def split(folder: ImageFolder, copies: int = 0, groups: tuple[str, ...] = ()) -> SplitManifest:
    return make_split(folder, infos_of(folder, copies), groups=groups)


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ([f"{n}.5,{'train' if n < 20 else 'test'}" for n in range(30)], "path,age,split"),
        ([f"a|b,{p}" for p in ["train"] * 9 + ["val"] * 9] + ["c,val", "a,train"], None),
    ],
)
def test_parts_that_a_table_gives_need_not_have_the_same_ranges(
    tmp_path: Path, rows: list[str], header: str | None
) -> None:
    manifest = split(scan(label_table(tmp_path, rows, header or "path,label,split")))
    assert len(manifest.names) == len(rows)
    assert manifest.count("train") == sum("train" in row for row in rows)


def test_groups_of_one_number_each_are_divided(tmp_path: Path) -> None:
    folder = scan(label_table(tmp_path, [f"{n // 10}.5" for n in range(40)], "path,age"))
    manifest = split(folder, groups=tuple(f"{n // 10}" for n in range(40)))
    assert manifest.count("train") == 20 and manifest.count("test") == 10


def test_copies_with_other_numbers_are_kept_on_one_side_and_told(tmp_path: Path) -> None:
    folder = scan(label_table(tmp_path, [f"{n}.5" for n in range(40)], "path,age"))
    manifest = split(folder, copies=4)
    side = dict(zip(manifest.groups, manifest.splits, strict=True))
    assert len(manifest.names) == 40
    assert [side[group] for group in manifest.groups] == [*manifest.splits]
    issues = {issue.kind: issue.message for issue in inspect_dataset(folder, infos_of(folder, 4))}
    assert "stored more than once, with different numbers" in issues["conflicting_labels"]


def test_good_images_that_are_bad_as_well_are_told(tmp_path: Path) -> None:
    path = label_table(tmp_path, ["good"] * 15 + ["bad"])
    folder = scan(path, task="one_class")
    issues = {issue.kind: issue.message for issue in inspect_dataset(folder, infos_of(folder, 1))}
    assert "in more than one class ('bad', 'good') and left out" in issues["conflicting_labels"]


def test_a_number_that_is_one_in_train_is_refused(tmp_path: Path) -> None:
    rows = [f"{7 if n < 20 else n}.5,{'train' if n < 20 else 'test'}" for n in range(30)]
    with pytest.raises(DataError, match=r"'age' is 7\.5 for every image to train on"):
        split(scan(label_table(tmp_path, rows, "path,age,split")))


def test_a_table_of_labels_that_no_two_images_share_asks_for_another_task(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="in 'k0', 'k1', 'k2' and 27 more") as raised:
        split(scan(label_table(tmp_path, [f"k{n}" for n in range(30)])))
    assert "--task number" in raised.value.hint


def test_labels_that_train_lacks_are_told(tmp_path: Path) -> None:
    rows = [f"{'a|b' if n % 2 else 'b'},train" for n in range(30)] + ["a|c,test"] * 12
    folder = scan(label_table(tmp_path, rows, "path,label,split"))
    issues = [issue.message for issue in inspect_dataset(folder, infos_of(folder))]
    assert any("Fewer than 10 images for training have the label 'c' (0)" in m for m in issues)


def test_labels_whose_names_look_alike_are_told(tmp_path: Path) -> None:
    rows = [f"{'Rose|red' if n % 2 else 'rose|blue'}" for n in range(12)]
    (note,) = scan(label_table(tmp_path, rows)).notes
    assert "'Rose' and 'rose'" in note.message
