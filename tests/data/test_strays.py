"""Folders and images that stand in an image folder and are not trained on."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from tests.data.conftest import Nest
from tlearn.data.image_folder import scan
from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import inspect_dataset
from tlearn.data.strays import folders_without_class, loose_images, not_followed


def test_a_folder_that_became_no_class_is_named_with_the_reason(
    image_folder: Callable[..., Path],
) -> None:
    folder = image_folder(classes=2)
    for name in ("scans", "empty", "bare", ".hidden", "__MACOSX"):
        (folder / name).mkdir()
    for name in ("scans/a.dcm", "scans/b/c.txt", "bare/LICENSE", ".hidden/a.txt", "notes.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    assert folders_without_class(scan(folder)) == {
        "bare": "only other files",
        "empty": "empty",
        "scans": "only .dcm, .txt files",
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


def test_links_that_lead_nowhere_and_pipes_are_named(image_folder: Callable[..., Path]) -> None:
    folder = image_folder(classes=2)
    os.mkfifo(folder / "circle" / "pipe.png")
    (folder / "circle" / "gone.png").symlink_to("nowhere.png")
    (folder / "circle" / "loop").symlink_to("loop")
    (folder / "circle" / "above").symlink_to(folder)
    (folder / "circle" / ".hidden").symlink_to("nowhere")
    scanned = scan(folder)
    assert not_followed(scanned) == {
        "circle/above": "a link to a folder above it",
        "circle/gone.png": "a link that leads nowhere",
        "circle/loop": "a link that leads nowhere",
        "circle/pipe.png": "a pipe",
    }
    infos = [ImageInfo(image.name, 64, 64, "PNG", False) for image in scanned.images]
    issue = next(issue for issue in inspect_dataset(scanned, infos) if issue.kind == "no_class")
    assert "4 entries passed over: 'circle/above' (a link to a folder above it)" in issue.message


def test_a_stray_folder_may_be_nested_deeper_than_the_stack(
    image_folder: Callable[..., Path], nest: Nest
) -> None:
    folder = image_folder(classes=2)
    nest(folder / "deep", 1500)
    assert folders_without_class(scan(folder)) == {"deep": "empty"}
