"""An archive stands for the folder in it, and cannot write outside its own."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn.data.archives import unpack_archives
from tlearn.errors import DataError


@pytest.fixture
def folder(image_folder: Callable[..., Path]) -> Path:
    return image_folder(classes=2, per_class=3)


def test_an_archive_is_unpacked_once_and_holds_the_same_images(
    folder: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "shard.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "images")
    (inside,) = unpack_archives([archive], tmp_path / "cache")
    names = {path.name: path.read_bytes() for path in inside.rglob("*.png")}
    assert names == {path.name: path.read_bytes() for path in folder.rglob("*.png")}
    marker = inside / "marker"
    marker.touch()
    assert unpack_archives([archive], tmp_path / "cache") == [inside] and marker.exists()
    assert unpack_archives([folder], tmp_path / "cache") == [folder]


@pytest.mark.parametrize("content", [b"", b"no archive at all"])
def test_a_broken_archive_is_refused(tmp_path: Path, content: bytes) -> None:
    archive = tmp_path / "shard.tar"
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"shard\.tar"):
        unpack_archives([archive], tmp_path / "cache")
    with pytest.raises(DataError, match=r"gone\.tar"):
        unpack_archives([tmp_path / "gone.tar"], tmp_path / "cache")


def test_an_archive_cannot_write_outside_its_folder(tmp_path: Path, folder: Path) -> None:
    archive = tmp_path / "evil.tar"
    with tarfile.open(archive, "w") as tar:
        tar.add(next(folder.rglob("*.png")), "../../outside.png")
    with pytest.raises(DataError, match="outside"):
        unpack_archives([archive], tmp_path / "cache")
    assert not list(tmp_path.rglob("outside.png"))
