"""Files that anyone may have written are read up to a size, and only if they are files."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import pytest

from tlearn.artifacts.limits import ensure_size, read_appended, read_limited, strict_json
from tlearn.errors import ExportError, HostError


def test_a_file_of_a_limited_size_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"12345")
    assert read_limited(path, 5) == b"12345"
    with pytest.raises(ExportError, match="more than"):
        read_limited(path, 4)


def test_the_sizes_of_several_files_are_added(tmp_path: Path) -> None:
    files = [tmp_path / "model.xml", tmp_path / "model.bin"]
    for file in files:
        file.write_bytes(b"123")
    ensure_size(files, 6, files[0])
    with pytest.raises(ExportError, match=r"model\.xml' has"):
        ensure_size(files, 5, files[0])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in this system's folders")
def test_a_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HostError, match="a device or a pipe"):
        read_limited(tmp_path / "pipe", 5)


def test_what_unpacks_to_too_much_is_not_unpacked(tmp_path: Path) -> None:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("small", b"1")
        writer.writestr("large", bytes(20_000_000))
    path = tmp_path / "model.tflite"
    path.write_bytes(b"model" + archive.getvalue())
    assert read_appended(path, "small") == b"1" and read_appended(path, "other") is None
    with pytest.raises(ExportError, match="'large' in it is too large"):
        read_appended(path, "large")


def test_what_no_archive_is_at_the_end_of_holds_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"model")
    assert read_appended(tmp_path / "file", "small") is read_appended(tmp_path, "small") is None


def test_json_that_programs_disagree_on_is_refused() -> None:
    assert strict_json('{"ä": [1, 2.5, null]}'.encode()) == {"ä": [1, 2.5, None]}
    for content in (b'{"a": 1, "a": 1}', b"[-Infinity]", b"[1e400]", '["ä"]'.encode("utf-16")):
        with pytest.raises(ValueError):
            strict_json(content)
