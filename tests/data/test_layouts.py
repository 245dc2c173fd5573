"""What a folder is: parts by other names, parts in classes, folders that are neither."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.data.conftest import Lay
from tlearn.data.image_folder import ImageFolder, scan
from tlearn.data.strays import folders_without_class
from tlearn.errors import DataError


def counts(folder: ImageFolder) -> dict[str | None, int]:
    splits = [image.split for image in folder.images]
    return {split: splits.count(split) for split in dict.fromkeys(splits)}


def kinds(folder: ImageFolder) -> list[str]:
    return [note.kind for note in folder.notes]


def refused(path: Path, message: str) -> str:
    with pytest.raises(DataError, match=message) as error:
        scan(path)
    return error.value.hint


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("train_images", "test_images"),
        ("seg_train/seg_train", "seg_test/seg_test"),
        ("train/train", "test/test"),
        ("training_set/images", "holdout/images"),
    ],
)
def test_parts_by_other_names_or_one_level_deeper_are_parts(
    lay: Lay, train: str, test: str
) -> None:
    names = [f"{part}/{kind}/1.png" for part in (train, test) for kind in ("cat", "dog")]
    folder = scan(lay(*names))
    assert folder.classes == ("cat", "dog") and counts(folder) == {"train": 2, "test": 2}
    assert kinds(folder) == (["layout"] if "/" in train else [])


def test_parts_without_class_folders_are_refused_and_the_table_is_named(lay: Lay) -> None:
    root = lay("train_images/1.png", "test_images/1.png", "train.csv")
    (root / "train.csv").write_text("image_id,label\n1.png,a\n")
    hint = refused(root, "parts of a data set, with images but no class folders")
    assert hint.startswith("use the labels in the table") and "train.csv" in hint


def test_classes_in_the_file_names_are_mentioned(lay: Lay) -> None:
    hint = refused(lay(*(f"train/{kind}.{n}.jpg" for kind in ("cat", "dog") for n in "12")), "part")
    assert "'cat', 'dog'" in hint


def test_images_of_a_test_part_in_a_folder_of_their_own_are_no_class(lay: Lay) -> None:
    folder = scan(lay("train/cat/1.png", "train/dog/1.png", "test/images/1.png"))
    assert folder.classes == ("cat", "dog")
    assert folders_without_class(folder) == {"test": "a part with images but no class folders"}


def test_a_flat_part_beside_classes_is_no_class(lay: Lay) -> None:
    folder = scan(lay("cat/1.png", "dog/1.png", "test/1.png", "unlabeled/1.png"))
    assert folder.classes == ("cat", "dog")
    assert folders_without_class(folder) == {
        "test": "a part with images but no class folders",
        "unlabeled": "by its name not in a class",
    }


def test_a_test_part_beside_the_classes_to_train_on_is_used_as_one(lay: Lay) -> None:
    folder = scan(lay("cat/1.png", "dog/1.png", "test/cat/1.png", "test/dog/1.png"))
    assert counts(folder) == {"train": 2, "test": 2} and kinds(folder) == ["layout"]


def test_a_copy_of_the_classes_beside_them_is_left_aside(lay: Lay) -> None:
    folder = scan(lay("cat/1.png", "dog/1.png", "augmented/cat/1.png", "augmented/dog/1.png"))
    assert folder.classes == ("cat", "dog")
    assert [*folders_without_class(folder)] == ["augmented"]


def test_parts_below_each_class_are_used_as_such(lay: Lay) -> None:
    folder = scan(lay(*(f"{kind}/{part}/1.png" for kind in "ab" for part in ("train", "test"))))
    assert folder.classes == ("a", "b") and counts(folder) == {"train": 2, "test": 2}
    assert kinds(folder) == ["layout"]


def test_equal_subfolders_of_every_class_are_told(lay: Lay) -> None:
    folder = scan(lay(*(f"{kind}/{state}/1.png" for kind in "ab" for state in ("well", "sick"))))
    assert folder.classes == ("a", "b")
    assert "Sub-folders 'sick', 'well' are part of every class" in folder.notes[0].message


def test_other_subfolders_of_every_class_are_told_too(lay: Lay) -> None:
    folder = scan(lay("pets/cat/1.png", "pets/dog/1.png", "plants/oak/1.png", "plants/fir/1.png"))
    assert "If 'pets', 'plants' are data sets of their own" in folder.notes[0].message
    assert not scan(lay("a/x/1.png", "a/y/1.png", "b/1.png", root="one")).notes


def test_a_class_named_like_a_part_is_told(lay: Lay) -> None:
    folder = scan(lay("valid/1.png", "invalid/1.png"))
    assert folder.classes == ("invalid", "valid") and folder.notes[0].names == ("valid",)


def test_folders_of_the_system_are_left_aside_with_a_note(lay: Lay) -> None:
    system = (
        "$RECYCLE.BIN/S-1",
        "#recycle",
        "System Volume Information",
        "lost+found",
        "found.000",
    )
    folder = scan(
        lay("cat/1.png", "dog/1.png", "cat/.thumbnails/1.png", *(f"{n}/1.png" for n in system))
    )
    assert len(folder.images) == 2
    assert {name.split("/")[0] for name in folder.notes[0].names} == {
        n.split("/")[0] for n in system
    }


def test_a_folder_that_is_scored_needs_no_train_part(lay: Lay) -> None:
    root = lay(*(f"{part}/{kind}/1.png" for part in ("val", "test") for kind in ("cat", "dog")))
    assert counts(scan(root, known_classes=("cat", "dog"))) == {"val": 2, "test": 2}
    assert "tlearn suggest" in refused(root, "no train folder")


def test_a_wrapper_of_any_depth_is_named(lay: Lay) -> None:
    root = lay("data/data/cat/1.png", "data/data/dog/1.png")
    assert str(root / "data" / "data") in refused(root, "one level deeper")
    assert "test" in refused(lay("test/a/1.png", "test/b/1.png", root="t"), "one level deeper")


def test_masks_beside_classes_are_no_class(lay: Lay) -> None:
    names = ("cat/1.png", "dog/1.png", "masks/1.png")
    for root, expected in ((lay(*names), "masks"), (lay(*names, root="p/train"), "train/masks")):
        folder = scan(root.parent if expected != "masks" else root)
        assert folder.classes == ("cat", "dog")
        assert folders_without_class(folder) == {
            expected: "by its name masks or labels of other images"
        }


@pytest.mark.parametrize("name", ["unknown", "all", "images", "test"])
def test_a_test_part_with_one_folder_for_all_has_no_classes(lay: Lay, name: str) -> None:
    folder = scan(lay("train/cat/1.png", "train/dog/1.png", f"test/{name}/1.png"))
    assert folder.classes == ("cat", "dog") and [*folders_without_class(folder)] == ["test"]


def test_parts_inside_of_a_part_are_named(lay: Lay) -> None:
    names = [f"train/{part}/{kind}/1.png" for part in ("train", "val") for kind in ("cat", "dog")]
    root = lay(*names)
    assert str(root / "train") in refused(root, "parts one level deeper")
