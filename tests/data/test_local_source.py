"""Archives, and folders of them, are read like the folder that was packed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn.data.image_folder import ImageFolder, list_images, scan
from tlearn.data.local_source import is_table, local_source
from tlearn.errors import DataError


@pytest.fixture
def images(image_folder: Callable[..., Path]) -> Path:
    return image_folder(classes=2, per_class=3)


def names(folder: ImageFolder) -> list[str]:
    return [image.name for image in folder.images]


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_an_archive_is_read_like_the_folder_in_it(images: Path, tmp_path: Path, kind: str) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "data"), kind, images.parent, images.name))
    folder = scan(archive)
    assert names(folder) == names(scan(images))
    assert [note.kind for note in folder.notes] == ["unpacked"]
    assert len(list_images([archive])) == 6


def test_archives_of_classes_or_parts_are_read_together(images: Path, tmp_path: Path) -> None:
    for kind in ("circle", "square"):
        shutil.make_archive(str(tmp_path / "classes" / kind), "zip", images / kind)
    for part in ("train", "test"):
        shutil.make_archive(str(tmp_path / "parts" / part), "tar", images)
    assert scan(tmp_path / "classes").classes == ("circle", "square")
    parts = scan(tmp_path / "parts")
    assert {image.split for image in parts.images} == {"train", "test"}
    outer = shutil.make_archive(str(tmp_path / "outer"), "zip", tmp_path / "parts")
    assert names(scan(Path(outer))) == names(parts)


def test_a_folder_of_images_with_an_archive_beside_stays_what_it_is(images: Path) -> None:
    shutil.make_archive(str(images / "backup"), "zip", images / "circle")
    folder = scan(images)
    assert folder.root == images.resolve() and folder.ignored == ("backup.zip",)
    assert local_source(images, lambda: images) == (images, ())


def test_tables_are_known_by_their_names(tmp_path: Path) -> None:
    assert is_table(tmp_path / "gone.CSV") and not is_table(tmp_path / "a.txt")


def test_archives_that_differ_in_a_number_are_one(images: Path, tmp_path: Path) -> None:
    for number in ("001", "002"):
        shutil.make_archive(str(tmp_path / "shards" / f"images_{number}"), "zip", images)
    folder = scan(tmp_path / "shards")
    assert folder.classes == ("circle", "square") and len(folder.images) == 12


def test_labels_beside_packed_images_are_led_to_the_table(images: Path, tmp_path: Path) -> None:
    shutil.make_archive(str(tmp_path / "both" / "images"), "zip", images / "circle")
    table = tmp_path / "both" / "train.csv"
    table.write_text("id,label\ncircle_0,a\ncircle_1,b\n")
    for source in (table.parent, table):
        with pytest.raises(DataError) as error:
            scan(source)
        assert "unzip" in error.value.hint and str(tmp_path / "both" / "images") in error.value.hint


def test_an_error_names_the_archive_and_not_the_folder_of_the_cache(
    images: Path, tmp_path: Path
) -> None:
    archive = Path(shutil.make_archive(str(tmp_path / "flat"), "zip", images / "circle"))
    with pytest.raises(DataError, match=rf"'{archive}' has 3 images but no class folders"):
        scan(archive)


def test_a_page_in_place_of_an_archive_is_told(tmp_path: Path) -> None:
    (tmp_path / "data.zip").write_text("<!DOCTYPE html><html>Sign in")
    with pytest.raises(DataError, match="a web page"):
        scan(tmp_path / "data.zip")
