"""Masks beside images are not images of a class."""

from __future__ import annotations

from tlearn.data.companions import is_pair, without_companions
from tlearn.data.notes import Row


def rows(*names: str) -> list[Row]:
    return [Row(name, name.split("/")[0], None) for name in names]


def test_masks_beside_the_images_of_a_class_are_left_out_and_told() -> None:
    kept, notes = without_companions(
        rows("covid/images/1.png", "covid/masks/1.png", "normal/images/2.png", "normal/masks/2.png")
    )
    assert [row.name for row in kept] == ["covid/images/1.png", "normal/images/2.png"]
    assert notes[0].names == ("covid/masks", "normal/masks")


def test_files_named_after_others_as_masks_are_left_out() -> None:
    names = [f"benign/b ({n}){end}.png" for n in range(3) for end in ("", "_mask", "_mask_1")]
    kept, notes = without_companions(rows(*names))
    assert [row.name for row in kept] == [f"benign/b ({n}).png" for n in range(3)]
    assert "6 images are left out" in notes[0].message


def test_classes_of_such_names_stay() -> None:
    found = rows("mask/1.png", "no_mask/1.png", "images/1_mask.png", "images/2.png")
    assert without_companions(found) == (found, ())


def test_a_pair_is_images_and_what_goes_with_them() -> None:
    assert is_pair(["JPEGImages", "Annotations"]) and is_pair(["data/images", "data/Labels"])
    assert not is_pair(["images"]) and not is_pair(["mask", "without"])
