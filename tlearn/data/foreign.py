"""Files that hold images in another way, or none: named by their first bytes, with what to do."""

from __future__ import annotations

import os
import re
import tarfile
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from tlearn.data.archives import TAR_SUFFIXES, unpack_command
from tlearn.data.formats import EXTENSIONS, sniff
from tlearn.data.walk import Walk
from tlearn.errors import DataError, pasted, quoted

_HEAD = 600
_LOOKED_AT = 500

SAVE_IMAGES = (
    "save each image in it as a PNG file in the subfolder of its class, then: tlearn suggest FOLDER"
)
_BESIDE = ("a text file", "a web page", "a JSON file", "a notebook")
_MODEL_ENDS = ".keras .tflite .onnx .pb .pt .pth .safetensors .ckpt .mlmodel .gguf .caffemodel"
_VIDEO_ENDS = ".mp4 .avi .mov .mkv .webm .m4v .mpg .mpeg .wmv"


class Foreign(NamedTuple):
    """What a file is, and what to do with it."""

    what: str
    hint: str


POINTER = "a Git LFS pointer in place of the image: fetch it with git lfs pull"
ANNEX_POINTER = "a git-annex pointer in place of the image: fetch it with git annex get"
"""Why an image cannot be read."""


def read_head(path: Path) -> bytes:
    """Return the first bytes of a regular file, nothing where it cannot be read."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(_HEAD)
    except OSError:
        return b""


def file_error(path: Path) -> DataError:
    """Return the error for a file that was given in place of a folder."""
    if found := recognize(path):
        return DataError(f"{quoted(path)} is {found.what}, not a folder of images", found.hint)
    return DataError(
        f"{quoted(path)} is neither a folder nor a CSV file",
        "name a folder with one subfolder per class, or a .csv with the columns path,label: "
        "tlearn suggest FOLDER",
    )


def contents_of(root: Path) -> tuple[str, str]:
    """Say what a folder without images holds instead: a half sentence, and what to do; or nothing.

    Args:
        root: The folder.
    """
    ignored = Walk(root)
    ignored.images("")
    files = [root / name for name in islice(ignored.ignored, _LOOKED_AT)]
    kinds = [(path, found) for path in files if (found := _link(path) or recognize(path))]
    # A page or a text beside them tells less than what is there in place of images.
    kinds = [pair for pair in kinds if pair[1].what not in _BESIDE] or kinds
    if not kinds:
        return "", ""
    what, _ = Counter(found.what for _, found in kinds).most_common(1)[0]
    path, found = next((path, found) for path, found in kinds if found.what == what)
    return f": {quoted(path)} is {what}", found.hint


def _link(path: Path) -> Foreign | None:
    """Recognize a link to a file that is not here, as git-annex leaves it."""
    if not path.is_symlink() or path.exists():
        return None
    if "annex" in os.readlink(path):
        return Foreign(
            "a link of git-annex to a file that is not here", "fetch it: git annex get ."
        )
    return Foreign("a link that leads nowhere", f"look where it should lead: ls -l {pasted(path)}")


def is_stand_in(path: Path) -> bool:
    """Return whether a file of any name holds a pointer to it, or a page about it, instead."""
    head = read_head(path)
    return is_pointer(head) or head.lstrip().lower().startswith((b"<!doctype html", b"<html"))


def run_error(path: Path) -> DataError | None:
    """Return the error for the folder of a finished run, or of a model; None for any other."""
    if (path / "saved_model.pb").is_file():
        shown = pasted(path)
        hint = f"name images to try it on: tlearn check {shown} IMAGES"
        return DataError(f"{quoted(path)} is a model, not a folder of images", hint)
    if (path / "plan.yaml").is_file() and (path / "metrics.json").is_file():
        hint = f"name the images behind it: tlearn evaluate {pasted(path)} FOLDER"
        return DataError(f"{quoted(path)} is a run, not a folder of images", hint)
    return None


_OFFICE = Foreign(
    "an office document",
    "save the table in it as CSV with the columns path,label: tlearn suggest TABLE.csv",
)


def recognize(path: Path) -> Foreign | None:
    """Recognize a file that tlearn does not read as it is; None for any other."""
    head, end = read_head(path), path.suffix.lower()
    return (
        _packed(path, head)
        or _table(path, head)
        or _model(path, head)
        or _document(path, head)
        or (_image(path) if sniff(head) or (end in EXTENSIONS and head) else None)
    )


def is_pointer(head: bytes) -> bool:
    """Return whether a file's first bytes are those that Git LFS leaves in place of a file."""
    return head.startswith(b"version https://git-lfs")


def is_annex_pointer(head: bytes) -> bool:
    """Return whether a file's first bytes are those that git-annex leaves in place of a file."""
    return bool(re.match(rb"/?(\.git/)?annex/objects/", head))


def _packed(path: Path, head: bytes) -> Foreign | None:
    shown, folder = pasted(path), pasted(path.name.partition(".")[0] or "images")
    then = f"then: tlearn suggest {folder}"
    if is_pointer(head):
        return Foreign("a Git LFS pointer, not the file itself", "fetch the files: git lfs pull")
    if is_annex_pointer(head):
        return Foreign("a git-annex pointer, not the file itself", "fetch it: git annex get .")
    if path.suffix.lower() == ".dvc" and head:
        return Foreign("a pointer of DVC, not the data itself", f"fetch the data: dvc pull {shown}")
    if re.fullmatch(r".*(\.(zip|7z|rar|tar|gz|tgz)\.\d{3}|\.z\d\d)", path.name.lower()) and head:
        first = pasted(path.with_suffix(".001" if path.suffix[1:].isdigit() else ".zip"))
        text = f"put all parts into one folder and unpack the first: 7z x {first}; {then}"
        return Foreign("a part of an archive in several files", text)
    if path.suffix.lower() in (".crdownload", ".part", ".partial", ".download", ".opdownload"):
        return Foreign("a download that is not complete", "wait for its end, or download it again")
    if head.startswith(b"7z\xbc\xaf'\x1c"):
        return Foreign("a 7z archive", f"unpack it: 7z x {shown} -o{folder}; {then}")
    if head.startswith(b"Rar!\x1a\x07"):
        return Foreign("a RAR archive", f"unpack it: unrar x {shown} {folder}/; {then}")
    if head.startswith(b"\x28\xb5\x2f\xfd"):
        return Foreign("compressed with Zstandard", f"unpack it: tar --zstd -xf {shown}; {then}")
    if head[:4] in (b"PK\3\4", b"PK\5\6"):
        return _zipped(path)
    if path.name.lower().endswith(TAR_SUFFIXES) and tarfile.is_tarfile(path):
        return Foreign("a tar archive", f"unpack it: {unpack_command(path)}; {then}")
    if head.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")):
        return Foreign("a compressed file", f"unpack it: 7z x {shown}")
    return None


def _zipped(path: Path) -> Foreign | None:
    """Recognize what is a zip archive by its bytes and something else by its contents."""
    import zipfile

    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (OSError, ValueError, zipfile.BadZipFile):
        return Foreign("a damaged or incomplete zip archive", "download it again")
    if names and all(name.endswith(".npy") for name in names):
        return Foreign("a table of NumPy arrays", SAVE_IMAGES)
    if "model.weights.h5" in names or any(name.endswith("/data.pkl") for name in names):
        return _as_model(path)
    if "[Content_Types].xml" in names or names[:1] == ["mimetype"]:
        return _OFFICE
    if path.suffix.lower() == ".zip":
        where = pasted(path.name.partition(".")[0])
        return Foreign(
            "a zip archive", f"unpack it: {unpack_command(path)}; then: tlearn suggest {where}"
        )
    renamed = f"mv {pasted(path)} {pasted(f'{path.name}.zip')}"
    return Foreign("a zip archive by another name", f"name it as one: {renamed}")


def _table(path: Path, head: bytes) -> Foreign | None:
    name, end = path.name.lower(), path.suffix.lower()
    if head.startswith(b"PAR1"):
        text = "install what reads it: pip install 'tlearn[remote]'"
        return Foreign("a Parquet table", text)
    if head.startswith((b"ARROW1", b"\xff\xff\xff\xff")) and end in (".arrow", ".feather"):
        return Foreign("an Arrow table", SAVE_IMAGES)
    if head.startswith(b"\x93NUMPY"):
        return Foreign("a NumPy array", SAVE_IMAGES)
    if head.startswith(b"MATLAB 5.0") or (end == ".mat" and head.startswith(b"\x89HDF")):
        return Foreign("a MATLAB file", SAVE_IMAGES)
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return _as_model(path) if name.endswith((".weights.h5", ".keras")) else _hdf(path)
    if "tfrecord" in name and head:
        return Foreign("a TFRecord file", SAVE_IMAGES)
    if re.fullmatch(rb"\0\0[\x08\x09\x0b-\x0e][\1-\4]", head[:4]):
        return Foreign("a file of arrays in the IDX format of MNIST", SAVE_IMAGES)
    if re.match(rb"\x80[\2-\5]", head) and end not in _MODEL_ENDS.split():
        return Foreign("a Python pickle", SAVE_IMAGES)
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1") and end not in (".db", ".msi"):
        return _OFFICE
    if head.startswith(b"SQLite format 3"):
        return Foreign("an SQLite database", SAVE_IMAGES)
    if end in (".mdb", ".lmdb") and head:
        return Foreign("an LMDB database", SAVE_IMAGES)
    return None


def _hdf(path: Path) -> Foreign:
    try:
        import h5py

        with h5py.File(path) as file:
            is_model = "model_weights" in file or "layer_names" in file.attrs
    except (OSError, RuntimeError):
        is_model = False
    return _as_model(path) if is_model else Foreign("an HDF5 table", SAVE_IMAGES)


def _model(path: Path, head: bytes) -> Foreign | None:
    end = path.suffix.lower()
    known = head[4:8] == b"TFL3" or (head and end in _MODEL_ENDS.split())
    return _as_model(path) if known else None


def _as_model(path: Path) -> Foreign:
    if path.suffix.lower() in (".tflite", ".onnx"):
        return Foreign("a model", f"name images to try it on: tlearn check {pasted(path)} IMAGES")
    return Foreign("a model", "name the folder of images: tlearn suggest FOLDER")


def _document(path: Path, head: bytes) -> Foreign | None:
    start, end = head.lstrip().lower(), path.suffix.lower()
    if end in _VIDEO_ENDS.split() and head:
        return Foreign("a video", f"take images out of it: ffmpeg -i {pasted(path)} -r 1 %05d.png")
    if end == ".ipynb":
        return Foreign("a notebook", "name the folder of images: tlearn suggest FOLDER")
    if end in (".py", ".sh", ".md", ".yaml", ".yml"):
        return Foreign("a text file", "name the folder of images: tlearn suggest FOLDER")
    if end in (".json", ".jsonl", ".ndjson"):
        text = "write the image and the class of each entry as a CSV with the columns path,label"
        return Foreign("a JSON file", f"{text}: tlearn suggest TABLE.csv")
    if end == ".txt" and head:
        text = "save it as CSV, with a first line path,label"
        return Foreign("a text file", f"{text}: tlearn suggest TABLE.csv")
    if head[128:132] == b"DICM":
        text = "save it as PNG, in the subfolder of its class: dcm2img"
        return Foreign("a DICOM image", text)
    if start.startswith((b"<!doctype html", b"<html")):
        text = "download the data set itself: sign in at the website, or copy the direct address"
        return Foreign("a web page", text)
    if start.startswith(b"%pdf"):
        return Foreign(
            "a PDF document", f"take the images out: pdfimages -all {pasted(path)} image"
        )
    return None


def _image(path: Path) -> Foreign:
    text = f"classify it with a trained run: tlearn predict RUN {pasted(path)}"
    return Foreign("a single image", text)
