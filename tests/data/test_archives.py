"""An archive stands for the folder in it, and cannot write outside its own."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn.data import archives
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


@pytest.mark.parametrize("name", ["../out.png", "/tmp/out.png", "..\\out.png"])
def test_a_zip_cannot_write_outside_its_folder(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr(name, "x")
    with pytest.raises(DataError, match="outside of its folder"):
        unpack_archives([tmp_path / "evil.zip"], tmp_path / "cache")
    assert not list(tmp_path.rglob("out.png"))


def test_links_in_archives_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link.png").symlink_to("/etc/passwd")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        tar.add(tmp_path / "link.png", "cat/1.png")
    entry = zipfile.ZipInfo("cat/1.png")
    entry.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    for name in ("a.tar", "a.zip"):
        with pytest.raises(DataError, match=r"holds a link, which is not followed: 'cat/1\.png'"):
            unpack_archives([tmp_path / name], tmp_path / "cache")


def test_an_archive_that_grows_as_none_of_images_does_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archives, "FREE_GROWTH_BYTES", 1000)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("cat/1.png", bytes(1_000_000))
    with tarfile.open(tmp_path / "bomb.tar.gz", "w:gz") as tar:
        (tmp_path / "zeros").write_bytes(bytes(1_000_000))
        tar.add(tmp_path / "zeros", "cat/1.png")
    for name in ("bomb.zip", "bomb.tar.gz"):
        with pytest.raises(DataError, match="more than 100 times its size"):
            unpack_archives([tmp_path / name], tmp_path / "cache")


def test_slashes_of_windows_in_a_zip_are_folders(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("x")
    entry.filename = "cat\\1.png"
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(entry, "x")
    (inside,) = unpack_archives([tmp_path / "a.zip"], tmp_path / "cache")
    assert (inside / "cat" / "1.png").read_text() == "x"


@pytest.mark.parametrize("names", [("n01440764", "n01443537"), ("class_1", "class_2"), ("0", "1")])
def test_archives_of_one_class_each_become_a_folder_each(
    folder: Path, tmp_path: Path, names: tuple[str, str]
) -> None:
    packed = tmp_path / "packed"
    packed.mkdir()
    for name, inner in zip(names, sorted(folder.iterdir()), strict=True):
        with tarfile.open(packed / f"{name}.tar", "w") as tar:
            for image in inner.iterdir():
                tar.add(image, image.name)
    inside = archives.unpack(sorted(packed.iterdir()), tmp_path / "cache")
    assert sorted(path.name for path in inside.iterdir()) == sorted(names)


def test_a_tar_archive_by_the_name_of_a_zip_is_read(folder: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "data.zip", "w") as tar:
        tar.add(folder, "images")
    (inside,) = unpack_archives([tmp_path / "data.zip"], tmp_path / "cache")
    assert len([*inside.rglob("*.png")]) == 6


def test_a_password_is_told(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for image in folder.rglob("*.png"):
            file.write(image, image.name)
    data = bytearray(archive.read_bytes())
    start = data.find(b"PK\1\2")
    while start >= 0:  # the bit that says "encrypted" in the list of files
        data[start + 8] |= 1
        start = data.find(b"PK\1\2", start + 4)
    archive.write_bytes(data)
    with pytest.raises(DataError, match="protected by a password") as error:
        unpack_archives([archive], tmp_path / "cache")
    assert error.value.hint.startswith("unpack it yourself: unzip")
