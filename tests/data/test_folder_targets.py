"""Class folders are read as labels or numbers where that is asked for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.conftest import draw_image
from tlearn.data.image_folder import scan
from tlearn.errors import DataError


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


def test_an_image_in_two_splits_has_no_labels_of_both(tmp_path: Path) -> None:
    for n, place in enumerate(("train/cat", "train/dog", "test/cat", "test/dog")):
        (tmp_path / place).mkdir(parents=True)
        draw_image("circle", n).save(tmp_path / place / f"{n}.png")
    draw_image("circle", 0).save(tmp_path / "test/dog" / "0.png")
    with pytest.raises(DataError, match="are one image, in different splits"):
        scan(tmp_path, task="labels")
