"""A walk finds images by content, in natural order, and enters no folder twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

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


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot read the folder"):
        list_entries(tmp_path / "missing")
