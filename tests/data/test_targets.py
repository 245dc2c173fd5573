"""Labels and numbers are read from tables and folders, and split so that each part has them all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.data.conftest import label_table
from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest, read_manifest, write_manifest
from tlearn.data.split import make_split
from tlearn.data.targets import rightness, strata
from tlearn.errors import DataError


def split(folder: ImageFolder) -> SplitManifest:
    infos = [
        ImageInfo(f"{n:064x}", 48, 48, "PNG", False, pixels=f"{n}")
        for n in range(len(folder.images))
    ]
    return make_split(folder, infos)


def test_labels_of_a_table_reach_the_split(tmp_path: Path) -> None:
    rows = ["a|b", "b", "", "a"] * 16 + ["c|b"] * 16
    folder = scan(label_table(tmp_path, rows))
    assert (folder.task, folder.outputs) == ("labels", ("a", "b", "c"))
    manifest = split(folder)
    assert manifest.targets is not None
    by_name = dict(zip(manifest.names, manifest.targets.tolist(), strict=True))
    assert by_name["0.png"] == [1, 1, 0] and by_name["2.png"] == [0, 0, 0]
    for part in ("train", "val", "test"):
        assert (manifest.targets[manifest.indices(part)].sum(axis=0) > 0).all()


def test_a_manifest_keeps_targets(tmp_path: Path) -> None:
    manifest = split(
        scan(
            label_table(tmp_path, [f"1,{n % 2}" for n in range(12)] + ["0,", "1,1"] * 3, "path,a,b")
        )
    )
    path = tmp_path / "split.csv"
    write_manifest(manifest, path)
    found = read_manifest(path)
    assert manifest.targets is not None and found.targets is not None
    np.testing.assert_array_equal(found.targets, manifest.targets)
    assert np.isnan(found.targets).any()


def test_a_number_is_split_by_ranges(tmp_path: Path) -> None:
    folder = scan(label_table(tmp_path, [f"{n / 10}" for n in range(80)], "path,ripeness"))
    assert (folder.task, folder.outputs) == ("number", ("ripeness",))
    manifest = split(folder)
    assert manifest.targets is not None
    test = manifest.targets[manifest.indices("test"), 0]
    assert test.min() < 2 and test.max() > 6


@pytest.mark.parametrize(
    ("task", "targets", "problem"),
    [
        ("number", [[3.0]] * 9, "'x' is 3 for every image"),
        ("labels", [[1.0]] * 9, "the labels 'x' are the same for every image"),
        ("labels", [[0.0]] * 9, "the labels 'x' are the same for every image"),
    ],
)
def test_targets_that_say_nothing_are_refused(
    task: str, targets: list[list[float]], problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        strata(task, ["x"], np.array(targets))


@pytest.mark.parametrize(
    ("task", "answers", "targets", "expected"),
    [
        ("classes", [[0.9, 0.1], [0.6, 0.4]], [0, 1], [1, 0]),
        ("labels", [[0.9, 0.1], [0.6, 0.6]], [[1, 0], [np.nan, 0]], [1, 0]),
        ("number", [[1.0], [2.0], [6.0]], [[1.0], [3.0], [5.0]], [1, 0.25, 0.25]),
    ],
)
def test_how_right_an_answer_is(
    task: str, answers: list[list[float]], targets: list[object], expected: list[float]
) -> None:
    found = rightness(task, np.array(answers), np.array(targets))
    np.testing.assert_allclose(found, expected)
