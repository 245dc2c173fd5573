"""A file is opened once: what is known of it holds while its size and times do not change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tlearn.data import file_index
from tlearn.data.decode import decode
from tlearn.data.file_index import FileIndex, FileState
from tlearn.data.pixel_store import store_pixels
from tlearn.errors import HostError
from tlearn.storage.digest import digest_of_bytes

OLD = 1_700_000_000_123_456_789


def test_each_image_is_opened_once_and_never_again(
    image_folder: Callable[..., Path], tmp_path: Path, opened: list[str]
) -> None:
    paths = sorted(image_folder().rglob("*.png"))
    opened.clear()
    first = store_pixels(paths, 32, "squash", tmp_path / "cache")
    assert len(opened) == len(paths)
    opened.clear()
    again = store_pixels(paths, 32, "squash", tmp_path / "cache")
    assert opened == []
    assert again.infos == first.infos
    digest = first.infos[0].sha256
    assert again.files.original(digest) == paths[0].read_bytes()
    np.testing.assert_array_equal(again.read([digest])[0], decode(paths[0], 32))


def test_a_file_with_other_content_of_the_same_size_and_date_is_read_again(
    image_folder: Callable[..., Path], tmp_path: Path, opened: list[str]
) -> None:
    path = sorted(image_folder().rglob("*.png"))[0]
    Image.new("L", (8, 8), 1).save(path.with_name("one.png"), compress_level=0)
    Image.new("L", (8, 8), 2).save(path.with_name("two.png"), compress_level=0)
    one, two = (path.with_name(f"{name}.png").read_bytes() for name in ("one", "two"))
    assert len(one) == len(two)
    path.write_bytes(one)
    os.utime(path, ns=(OLD, OLD))
    store_pixels([path], 32, "squash", tmp_path / "cache")
    path.write_bytes(two)
    os.utime(path, ns=(OLD, OLD))
    (info,) = store_pixels([path], 32, "squash", tmp_path / "cache").infos
    assert info.sha256 == digest_of_bytes(two)


def test_a_file_that_was_just_written_is_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"x")
    assert FileState.of(path) is None  # it may be written again within a tick
    os.utime(path, ns=(OLD, OLD))  # its date tells of before, the time of its change does not
    assert FileState.of(path) is None
    assert FileState.of(tmp_path) is None
    assert FileState.of(tmp_path / "none") is None


def test_two_seconds_pass_where_a_file_system_counts_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = 10**9

    class Status:
        st_mode, st_size = 0o100644, 1
        st_mtime_ns = st_ctime_ns = 1_700_000_000 * second

    monkeypatch.setattr(os, "stat", lambda path: Status)
    for later, trusted in ((second, False), (3 * second, True)):
        monkeypatch.setattr(
            file_index.time, "time_ns", lambda later=later: Status.st_mtime_ns + later
        )
        assert (FileState.of(tmp_path / "a") is not None) == trusted


def test_an_index_that_is_damaged_anywhere_costs_a_look_at_the_file(tmp_path: Path) -> None:
    state, content = FileState(3, OLD, OLD), b"abc"
    digest = digest_of_bytes(content)
    FileIndex(tmp_path).add(tmp_path / "a", state, digest, content)
    assert FileIndex(tmp_path).find(tmp_path / "a", state) == digest
    assert FileIndex(tmp_path).find(tmp_path / "b", state) == ""
    assert FileIndex(tmp_path).find(tmp_path / "a", None) == ""
    assert FileIndex(tmp_path).find(tmp_path / "a", FileState(3, OLD, OLD + 1)) == ""
    (tmp_path / "originals.bin").write_bytes(b"xbc")
    assert FileIndex(tmp_path).original(digest) is None
    lines = tmp_path / "files.jsonl"
    lines.write_bytes(lines.read_bytes().replace(b'"size": 3', b'"size": 4'))
    assert FileIndex(tmp_path).find(tmp_path / "a", state) == ""


def test_two_processes_add_to_one_index(tmp_path: Path) -> None:
    one, other = FileIndex(tmp_path), FileIndex(tmp_path)
    contents = [bytes([number]) * 10 for number in range(6)]
    digests = [digest_of_bytes(content) for content in contents]
    for number, content in enumerate(contents):
        index = (one, other)[number % 2]
        index.add(tmp_path / str(number), FileState(10, OLD, OLD), digests[number], content)
    both = FileIndex(tmp_path)
    assert [both.original(digest) for digest in digests] == contents


def test_only_so_many_originals_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_index, "_ALL_ORIGINALS_BYTES", 25)
    monkeypatch.setattr(file_index, "ORIGINAL_BYTES", 10)
    index = FileIndex(tmp_path)
    contents = [b"a" * 10, b"b" * 11, b"c" * 10, b"d" * 10]
    for content in contents:
        index.add(tmp_path / "x", None, digest_of_bytes(content), content)
    kept = [index.original(digest_of_bytes(content)) for content in contents]
    assert kept == [contents[0], None, contents[2], None]


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
@pytest.mark.parametrize("name", ["files.jsonl", "originals.bin"])
def test_a_pipe_in_its_place_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(HostError, match="a pipe") as error:
        FileIndex(tmp_path)
    assert error.value.hint.endswith("tlearn cache clear")
