"""What is no folder of images is named by its first bytes, with what to do."""

from __future__ import annotations

import pickle
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.data.conftest import Lay
from tlearn.data.image_folder import scan
from tlearn.errors import DataError

FILES = {
    "data.7z": (b"7z\xbc\xaf'\x1c" + bytes(20), "a 7z archive", "7z x "),
    "data.rar": (b"Rar!\x1a\x07\0" + bytes(20), "a RAR archive", "unrar x"),
    "data.tar.zst": (b"\x28\xb5\x2f\xfd" + bytes(20), "Zstandard", "tar --zstd"),
    "1.jpg": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer", "git lfs pull"),
    "x.npy": (b"\x93NUMPY\1\0", "a NumPy array", "tlearn suggest"),
    "x.mat": (b"MATLAB 5.0 MAT-file", "a MATLAB file", "tlearn suggest"),
    "x.tfrecord": (bytes(20), "a TFRecord file", "tlearn suggest"),
    "train-images-idx3-ubyte": (b"\0\0\x08\x03" + bytes(20), "IDX", "tlearn suggest"),
    "data_batch_1": (pickle.dumps({}), "a Python pickle", "tlearn suggest"),
    "model.tflite": (b"\x20\0\0\0TFL3", "a model", "tlearn check"),
    "notes.ipynb": (b"{}", "a notebook", "tlearn suggest"),
    "page": (b"<!DOCTYPE html><html>", "a web page", "download"),
    "clip.mp4": (b"\0\0\0 ftypisom", "a video", "ffmpeg"),
    "scan.dcm": (bytes(128) + b"DICM", "a DICOM image", "PNG"),
    "x.json": (b"{}", "a JSON file", "CSV"),
    "a.jpg": (b"/annex/objects/MD5E-s1--x.jpg\n", "a git-annex pointer", "git annex get"),
    "images.dvc": (b"outs:\n", "a pointer of DVC", "dvc pull"),
    "data.zip.001": (b"PK\3\4" + bytes(20), "a part of an archive", "data.zip.001"),
    "data.z01": (b"PK\7\x08" + bytes(20), "a part of an archive", "data.zip;"),
    "data.zip.crdownload": (b"PK\3\4", "not complete", "download it again"),
    "table.xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an office document", "CSV"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_named_for_what_it_is(tmp_path: Path, name: str) -> None:
    content, what, hint = FILES[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=what) as error:
        scan(tmp_path / name)
    assert hint in error.value.hint


def test_zip_archives_of_something_else_are_told(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", images=np.zeros(3))
    with pytest.raises(DataError, match="NumPy arrays"):
        scan(tmp_path / "x.npz")
    with zipfile.ZipFile(tmp_path / "download", "w") as archive:
        archive.writestr("cat/1.png", "x")
    with pytest.raises(DataError, match="a zip archive by another name") as error:
        scan(tmp_path / "download")
    assert error.value.hint.endswith("download.zip")


def test_a_folder_without_images_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    for name in ("train-images-idx3-ubyte", "data_batch_1"):
        (tmp_path / "mnist" / name).write_bytes(FILES["train-images-idx3-ubyte"][0])
    with pytest.raises(DataError, match=r"no images in .*mnist.*: .* the IDX format of MNIST"):
        scan(tmp_path / "mnist")


def test_a_run_and_a_model_are_no_folders_of_images(lay: Lay) -> None:
    for names, what in ((("saved_model.pb",), "a model"), (("plan.yaml", "metrics.json"), "a run")):
        with pytest.raises(DataError, match=what):
            scan(lay(*names, "figures/1.png", root=what))


def test_links_of_git_annex_are_called_that(tmp_path: Path) -> None:
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.jpg").symlink_to("../.git/annex/objects/x.jpg")
    with pytest.raises(DataError, match="git-annex") as error:
        scan(tmp_path)
    assert error.value.hint.endswith("git annex get .")


def test_what_stands_in_place_of_images_is_told_before_a_page_beside_it(tmp_path: Path) -> None:
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({}))
    (tmp_path / "readme.html").write_text("<html>", "utf-8")
    (tmp_path / "license.txt").write_text("free", "utf-8")
    with pytest.raises(DataError, match="a Python pickle"):
        scan(tmp_path)


def test_archives_in_a_part_are_told_with_the_command_that_unpacks(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    with tarfile.open(tmp_path / "train" / "cat.tar", "w"):
        pass
    with pytest.raises(DataError, match="a tar archive") as error:
        scan(tmp_path)
    assert "tar -xf" in error.value.hint
