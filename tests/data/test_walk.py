"""A walk finds images by content, in natural order, and enters no folder twice."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from tests.data.conftest import Nest
from tlearn.data import walk as module
from tlearn.data.walk import Walk, list_entries, natural_key
from tlearn.errors import DataError


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8)).save(path, "PNG")
    return path


def test_natural_order() -> None:
    numbered = ["10", "2", "a10b", "a9b", "B", "a", "1", "img007", "img7", "9" * 5000]
    assert sorted(numbered, key=natural_key) == [
        *("1", "2", "10", "9" * 5000, "a", "a9b", "a10b", "B", "img007", "img7")
    ]


def test_images_are_found_by_content_or_extension(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "picture.dat")
    (tmp_path / "cats" / "broken.JPG").write_bytes(b"")
    (tmp_path / "cats" / "notes.md").write_text("P3 is fine")
    put(tmp_path / ".hidden" / "1.png")
    walk = Walk(tmp_path)
    assert sorted(walk.images("")) == ["cats/broken.JPG", "cats/picture.dat"]
    assert sorted(walk.ignored) == [".hidden", "cats/notes.md"]


def test_subfolders_are_in_natural_order(tmp_path: Path) -> None:
    for name in ("10", "2", "1"):
        put(tmp_path / name / "x.png")
    put(tmp_path / "loose.png")
    assert Walk(tmp_path).children("") == (["1", "2", "10"], ["loose.png"])


def test_a_link_back_is_not_followed(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "1.png")
    (tmp_path / "cats" / "loop").symlink_to(tmp_path)
    walk = Walk(tmp_path)
    assert walk.images("cats") == ["cats/1.png"]
    assert walk.ignored == ["cats/loop"]


def test_links_in_a_circle_and_what_is_no_file_are_passed_over(tmp_path: Path) -> None:
    put(tmp_path / "cats" / "1.png")
    (tmp_path / "cats" / "circle.png").symlink_to("circle.png")
    (tmp_path / "cats" / "circle").symlink_to("circle")
    os.mkfifo(tmp_path / "cats" / "pipe.png")
    walk = Walk(tmp_path)
    assert walk.images("") == ["cats/1.png"]
    assert sorted(walk.ignored) == ["cats/circle", "cats/circle.png", "cats/pipe.png"]


def test_folders_may_be_nested_deeper_than_the_stack(tmp_path: Path, nest: Nest) -> None:
    put(tmp_path / "deep" / "1.png")
    nest(tmp_path / "deep", 1500)
    assert Walk(tmp_path).images("") == ["deep/1.png"]


def test_a_path_that_is_too_long_is_passed_over(tmp_path: Path, nest: Nest) -> None:
    put(tmp_path / "cats" / "1.png")
    nest(tmp_path / "cats", 25, "d" * 200)
    walk = Walk(tmp_path)
    assert walk.images("") == ["cats/1.png"]
    assert len(walk.ignored) == 1


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the folder"):
        list_entries(tmp_path / "missing")


def test_entries_without_access_are_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without execute permission lets its entries be listed and nothing more."""
    put(tmp_path / "cats" / "1.png")

    class Refused:
        name = "2.png"

        def is_dir(self) -> bool:
            raise PermissionError(13, "Permission denied")

        is_file = is_dir

    listed = module.list_entries
    monkeypatch.setattr(module, "list_entries", lambda path: [*listed(path), Refused()])
    walk = Walk(tmp_path)
    assert walk.images("cats") == ["cats/1.png"] and walk.ignored == ["cats/2.png"]


def test_formats_that_are_not_read_are_told_beside_images_and_make_no_class_alone(
    image_folder: Callable[..., Path],
) -> None:
    root = image_folder(classes=2)
    drawings = root / "drawings"
    drawings.mkdir()
    sound = next(root.rglob("*.png"))
    for folder in (drawings, sound.parent):
        (folder / "x.psd").write_bytes(b"8BPS\0\1" + bytes(100))
    walk = Walk(root)
    assert f"{sound.parent.name}/x.psd" in walk.images(sound.parent.name)
    assert walk.images("drawings") == []
    assert "drawings/x.psd" in walk.ignored
