"""A folder of good images, with some bad ones to test on, is divided so that these stay apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.conftest import draw_image
from tlearn.data.image_folder import scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.manifest import SplitManifest, read_manifest, write_manifest
from tlearn.data.split import make_split
from tlearn.errors import DataError


def draw(root: Path, **counts: int) -> Path:
    for place, count in counts.items():
        folder = root / place.replace("__", "/")
        folder.mkdir(parents=True)
        for n in range(count):
            draw_image("circle", hash(place) % 1000 + n).save(folder / f"{n}.png")
    return root


def split(root: Path) -> SplitManifest:
    folder = scan(root, task="one_class")
    infos = [
        ImageInfo(f"{n:064x}", 48, 48, "PNG", False, pixels=f"{n}")
        for n in range(len(folder.images))
    ]
    return make_split(folder, infos)


def test_bad_images_are_for_testing_only(tmp_path: Path) -> None:
    manifest = split(draw(tmp_path, Good=30, scratch=5, dent=4))
    assert manifest.targets is not None
    bad = manifest.targets[:, 0] == 1
    assert bad.sum() == 9
    assert {manifest.splits[row] for row in np.flatnonzero(bad)} == {"test"}
    assert manifest.count("val") == 0 and 20 < manifest.count("train") < 30


def test_a_single_class_is_the_good_one(tmp_path: Path) -> None:
    manifest = split(draw(tmp_path, bolts=20))
    assert manifest.targets is not None and not manifest.targets.any()
    write_manifest(manifest, tmp_path / "split.csv")
    assert read_manifest(tmp_path / "split.csv").splits == manifest.splits


def test_kinds_of_bad_images_may_stand_in_the_test_folder_alone(tmp_path: Path) -> None:
    counts = {"train__good": 12, "test__good": 3, "test__crack": 4, "test__hole": 2}
    manifest = split(draw(tmp_path, **counts))
    assert (manifest.count("train"), manifest.count("test")) == (12, 9)


def test_which_images_are_good_has_to_be_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="by name, none of 'a', 'b' is the good images of"):
        scan(draw(tmp_path / "one", a=2, b=2), task="one_class")
    with pytest.raises(DataError, match="'good', 'ok' could all be the good images of"):
        scan(draw(tmp_path / "two", good=2, ok=2, bad=2), task="one_class")


def test_bad_images_alone_are_not_the_good_ones(tmp_path: Path) -> None:
    root = draw(tmp_path, defect=20)
    with pytest.raises(DataError, match="by name, none of 'defect' is the good images of"):
        scan(root, task="one_class")
    scored = scan(root, ("anomaly",), task="one_class")
    assert {image.target for image in scored.images} == {(1.0,)}


def test_a_few_good_images_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="7 good images to learn from, beside 1 for testing"):
        split(draw(tmp_path, good=8, bad=3))


def test_loose_images_are_all_good(tmp_path: Path) -> None:
    manifest = split(draw(tmp_path, good=20) / "good")
    assert manifest.targets is not None and not manifest.targets.any()
