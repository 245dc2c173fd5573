"""Labels and numbers are read from tables and folders, and split so that each part has them all."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import draw_image
from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest, read_manifest, write_manifest
from tlearn.data.split import make_split
from tlearn.data.targets import strata
from tlearn.errors import DataError


def table(folder: Path, labels: Sequence[str], header: str = "path,label") -> Path:
    for n in range(len(labels)):
        draw_image("circle", n).save(folder / f"{n}.png")
    rows = [f"{n}.png,{label}" for n, label in enumerate(labels)]
    path = folder / "list.csv"
    path.write_text("\n".join([header, *rows]))
    return path


def split(folder: ImageFolder) -> SplitManifest:
    infos = [
        ImageInfo(f"{n:064x}", 48, 48, "PNG", False, pixels=f"{n}")
        for n in range(len(folder.images))
    ]
    return make_split(folder, infos)


def test_labels_of_a_table_reach_the_split(tmp_path: Path) -> None:
    rows = ["a|b", "b", "", "a"] * 10 + ["c|b"] * 5
    folder = scan(table(tmp_path, rows))
    assert (folder.task, folder.outputs) == ("labels", ("a", "b", "c"))
    manifest = split(folder)
    assert manifest.targets is not None
    by_name = dict(zip(manifest.names, manifest.targets.tolist(), strict=True))
    assert by_name["0.png"] == [1, 1, 0] and by_name["2.png"] == [0, 0, 0]
    for part in ("train", "val", "test"):
        assert (manifest.targets[manifest.indices(part)].sum(axis=0) > 0).all()


def test_a_manifest_keeps_targets(tmp_path: Path) -> None:
    manifest = split(
        scan(table(tmp_path, [f"1,{n % 2}" for n in range(12)] + ["0,", "1,1"] * 3, "path,a,b"))
    )
    path = tmp_path / "split.csv"
    write_manifest(manifest, path)
    found = read_manifest(path)
    assert manifest.targets is not None and found.targets is not None
    np.testing.assert_array_equal(found.targets, manifest.targets)
    assert np.isnan(found.targets).any()


def test_a_number_is_split_by_ranges(tmp_path: Path) -> None:
    folder = scan(table(tmp_path, [f"{n / 10}" for n in range(80)], "path,ripeness"))
    assert (folder.task, folder.outputs) == ("number", ("ripeness",))
    manifest = split(folder)
    assert manifest.targets is not None
    test = manifest.targets[manifest.indices("test"), 0]
    assert test.min() < 2 and test.max() > 6


def test_an_image_in_several_class_folders_has_several_labels(tmp_path: Path) -> None:
    for n in range(12):
        for name in ("cat", "dog") if n % 3 == 0 else ("cat",) if n % 3 == 1 else ("dog",):
            (tmp_path / name).mkdir(exist_ok=True)
            draw_image("circle", n).save(tmp_path / name / f"{n}.png")
    folder = scan(tmp_path, task="labels")
    assert len(folder.images) == 12
    assert [image.target for image in folder.images].count((1.0, 1.0)) == 4


def test_folders_named_by_numbers_are_numbers_where_that_is_said(tmp_path: Path) -> None:
    for n in range(20):
        place = tmp_path / str(10 * (n % 4))
        place.mkdir(exist_ok=True)
        draw_image("circle", n).save(place / f"{n}.png")
    assert scan(tmp_path).task == "classes"
    folder = scan(tmp_path, task="number")
    assert {image.target for image in folder.images} == {(0.0,), (10.0,), (20.0,), (30.0,)}
    shutil.move(tmp_path / "0", tmp_path / "none")
    with pytest.raises(DataError, match=r"'none' .* is not named by a number"):
        scan(tmp_path, task="number")


@pytest.mark.parametrize(
    ("task", "targets", "problem"),
    [
        ("number", [[3.0]] * 9, "'x' is 3 for every image"),
        ("labels", [[1.0]] * 9, "every image has all of the labels 'x'"),
        ("labels", [[0.0]] * 9, "no image has all of the labels 'x'"),
    ],
)
def test_targets_that_say_nothing_are_refused(
    task: str, targets: list[list[float]], problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        strata(task, ["x"], np.array(targets))


def test_a_model_of_labels_is_scored_on_a_table_with_some_of_them(tmp_path: Path) -> None:
    path = table(tmp_path, ["a", "b|a", ""])
    folder = scan(path, ("a", "b", "c"), task="labels")
    assert [image.target for image in folder.images] == [(1, 0, 0), (1, 1, 0), (0, 0, 0)]
    with pytest.raises(DataError, match="labels that the model does not know: 'b'"):
        scan(path, ("a", "c"), task="labels")
