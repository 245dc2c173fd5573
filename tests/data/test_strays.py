"""Folders and images that stand in an image folder and are not trained on."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from tlearn.data.image_folder import scan
from tlearn.data.strays import folders_without_class, loose_images


def test_a_folder_that_became_no_class_is_named_with_the_reason(
    image_folder: Callable[..., Path],
) -> None:
    folder = image_folder(classes=2)
    for name in ("scans", "empty", "bare", ".hidden", "__MACOSX"):
        (folder / name).mkdir()
    for name in ("scans/a.jp2", "scans/b/c.txt", "bare/LICENSE", ".hidden/a.txt", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert folders_without_class(scan(folder)) == {
        "bare": "only other files",
        "empty": "empty",
        "scans": "only .jp2, .txt files",
    }


def test_a_folder_beside_the_splits_is_no_class(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(classes=2, splits=("train", "test"))
    shutil.copytree(folder / "train", folder / "extra")
    (folder / "train" / "none").mkdir()
    assert folders_without_class(scan(folder)) == {
        "extra": "not train, val or test",
        "train/none": "empty",
    }


def test_a_link_back_is_called_one_where_a_class_would_be(
    image_folder: Callable[..., Path],
) -> None:
    folder = image_folder(classes=2)
    (folder / "all").symlink_to(folder)
    (folder / "circle" / "deeper").symlink_to(folder)
    assert folders_without_class(scan(folder)) == {"all": "a link to a folder above it"}


def test_images_outside_of_every_class_are_listed(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(classes=2)
    image = next(folder.rglob("*.png"))
    shutil.copy(image, folder / "loose.png")
    shutil.copy(image, folder / "._loose.png")
    assert loose_images(scan(folder)) == ["loose.png"]
