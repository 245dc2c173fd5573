"""Exports for object detection and segmentation are called that, and refused."""

from __future__ import annotations

import pytest

from tests.data.conftest import Lay
from tlearn.data.image_folder import scan
from tlearn.errors import DataError


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("images/1.png", "labels/1.txt"), r"object detection.*'images'.*'labels'.*YOLO"),
        (("images/train/1.png", "images/val/1.png", "labels/train/1.txt"), "YOLO"),
        (("train/images/1.png", "train/labels/1.txt", "valid/images/1.png"), "'train/images'"),
        (("JPEGImages/1.png", "Annotations/1.xml"), "Pascal VOC"),
        (("VOCdevkit/VOC2012/JPEGImages/1.png", "VOCdevkit/VOC2012/Annotations/1.xml"), "VOC"),
        (("train2017/1.png", "val2017/1.png", "annotations/instances.json"), "COCO"),
        (("train/1.png", "train/_annotations.coco.json", "valid/1.png"), "have boxes"),
        (("train/1.png", "train/_classes.csv"), "several labels an image"),
        (("1.png", "1.xml"), r"files \.xml of the same names"),
        (("images/1.png", "masks/1.png"), "segmentation, .* images and masks"),
    ],
)
def test_an_export_for_another_task_is_refused(
    lay: Lay, names: tuple[str, ...], message: str
) -> None:
    with pytest.raises(DataError, match=message) as error:
        scan(lay(*names))
    assert "tlearn learns one class an image" in error.value.hint


def test_class_folders_beside_annotations_are_named(lay: Lay) -> None:
    root = lay("Images/cat/1.png", "Images/dog/1.png", "Annotation/cat/1", "Annotation/dog/1")
    with pytest.raises(DataError, match="one level deeper") as error:
        scan(root)
    assert str(root / "Images") in error.value.hint


def test_images_beside_a_table_are_led_to_it(lay: Lay) -> None:
    root = lay("images/1.png", "labels.csv", "sample_submission.csv")
    for name in ("labels.csv", "sample_submission.csv"):
        (root / name).write_text("id,label\n1,cat\n")
    with pytest.raises(DataError, match="only one class: 'images'") as error:
        scan(root)
    assert str(root / "labels.csv") in error.value.hint


def test_a_class_may_have_texts_beside_its_images(lay: Lay) -> None:
    assert len(scan(lay("cat/1.png", "cat/1.txt", "dog/1.png", "labels/notes.txt")).classes) == 2


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (["train/1.jpg", "train/2.jpg", "train/metadata.jsonl"], "metadata.jsonl"),
        (["default/1.jpg", "default/2.jpg", "annotations.xml"], "annotations.xml"),
        (["1.jpg", "2.jpg", "labels.json"], "labels.json"),
    ],
)
def test_a_file_of_an_annotation_tool_is_named_as_where_classes_may_be(
    lay: Lay, names: list[str], hint: str
) -> None:
    with pytest.raises(DataError) as error:
        scan(lay(*names))
    assert hint in error.value.hint and error.value.hint.endswith("tlearn suggest TABLE.csv")


def test_a_table_beside_the_images_of_a_part_is_named(lay: Lay) -> None:
    root = lay("train/1.jpg", "train/2.jpg", "train/metadata.csv")
    (root / "train" / "metadata.csv").write_text("file_name,label\n1.jpg,a\n2.jpg,b\n", "utf-8")
    with pytest.raises(DataError) as error:
        scan(root)
    assert str(root / "train" / "metadata.csv") in error.value.hint
