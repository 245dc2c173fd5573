"""A reader sees the old file or the whole new one; a refused write is an error with a hint."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tlearn.errors import HostError
from tlearn.storage.atomic import (
    ensure_writable,
    ensure_writable_file,
    remove,
    write_atomic,
    write_atomic_directory,
)


@pytest.mark.parametrize("content", [b"new", "new", lambda path: path.write_text("new")])
def test_write_atomic_replaces(tmp_path: Path, content: Any) -> None:
    path = tmp_path / "deeper" / "model.keras"
    write_atomic(path, "old")
    write_atomic(path, content)
    assert path.read_text() == "new" and os.listdir(path.parent) == ["model.keras"]


def test_the_temporary_file_keeps_folder_and_suffix(tmp_path: Path) -> None:
    seen: list[Path] = []

    def write(path: Path) -> None:
        seen.append(path)
        path.write_bytes(b"x")

    write_atomic(tmp_path / "m.tflite", write)
    assert seen[0].suffix == ".tflite" and seen[0].parent == tmp_path


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_refused_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, function: str, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, os.strerror(code))

    path = tmp_path / "plan.yaml"
    path.write_text("old")
    with monkeypatch.context() as patch:
        patch.setattr(os, function, refuse)
        with pytest.raises(HostError) as error:
            write_atomic(path, "new")
    assert str(path) in error.value.message and error.value.hint
    assert ("space" in error.value.hint) == (code == errno.ENOSPC)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["plan.yaml"]


def test_a_bug_and_ctrl_c_pass_and_leave_no_trace(tmp_path: Path) -> None:
    for error in (KeyError("bug"), KeyboardInterrupt(), OSError("no number")):

        def write(path: Path, error: BaseException = error) -> None:
            path.write_text("half")
            raise error

        with pytest.raises(type(error)):
            write_atomic(tmp_path / "a.txt", write)
    assert not os.listdir(tmp_path)


def saved(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "variables").mkdir()
        (folder / "variables" / "data").write_text(text)
        (folder / f"{text}.pb").write_text(text)

    return write


def test_a_directory_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "saved_model"
    write_atomic_directory(path, saved("old"))
    write_atomic_directory(path, saved("new"))
    assert {entry.name for entry in path.iterdir()} == {"variables", "new.pb"}
    assert os.listdir(tmp_path) == ["saved_model"]


def test_a_directory_comes_back_when_the_swap_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, replace = tmp_path / "saved_model", os.replace
    write_atomic_directory(path, saved("old"))

    def refuse_new(source: Path, target: Path) -> None:
        if target == path and not source.name.endswith(".old"):
            raise OSError(errno.ENOSPC, "full")
        replace(source, target)

    monkeypatch.setattr(os, "replace", refuse_new)
    with pytest.raises(HostError):
        write_atomic_directory(path, saved("new"))
    assert (path / "old.pb").exists() and os.listdir(tmp_path) == ["saved_model"]


def test_a_file_never_replaces_a_folder(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(HostError):
        write_atomic(tmp_path / "mine", "text")
    assert (tmp_path / "mine").is_dir()


def test_a_folder_that_cannot_be_written_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(dir: Path) -> None:
        raise OSError(code, "")

    code = errno.EACCES
    ensure_writable(tmp_path / "not" / "yet" / "there")
    assert not os.listdir(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(HostError, match="Not a directory"):
        ensure_writable(tmp_path / "file" / "run")
    monkeypatch.setattr("tempfile.TemporaryFile", refuse)
    with pytest.raises(HostError, match="Permission denied") as error:
        ensure_writable(tmp_path)
    assert error.value.hint.endswith("--out FOLDER")
    code = errno.ENOENT  # as from /proc
    with pytest.raises(HostError, match="Permission denied") as error:
        ensure_writable_file(tmp_path / "table.csv", "name another file: --csv FILE")
    assert error.value.hint == "name another file: --csv FILE"


def test_a_file_in_the_place_of_a_folder_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text("x")
    ensure_writable_file(tmp_path / "old.csv")
    ensure_writable_file(tmp_path / "new" / "table.csv")
    assert os.listdir(tmp_path) == ["old.csv"] and (tmp_path / "old.csv").read_text() == "x"
    with pytest.raises(HostError, match="Is a directory"):
        ensure_writable_file(tmp_path)
    with pytest.raises(HostError, match="Not a directory"):
        ensure_writable_file(tmp_path / "old.csv" / "table.csv")


def test_remove_takes_files_links_and_whole_folders(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text("x")
    link = tmp_path / "link"
    link.symlink_to(folder)
    remove(link)
    assert (folder / "inner" / "file").exists() and not link.is_symlink()
    remove(folder / "inner" / "file")
    remove(folder)
    remove(folder)
    assert not os.listdir(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes of this kind")
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HostError, match="a device or a pipe"):
        write_atomic(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()
