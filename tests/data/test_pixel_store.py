"""Stored pixels: decoded once, in the order of the paths, with a reason for each bad file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tlearn.data import decode as decoder
from tlearn.data.decode import decode
from tlearn.data.pixel_store import bounded_map, store_pixels
from tlearn.errors import HostError


def test_pixels_are_those_of_the_decoder_in_any_order(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    paths = sorted(image_folder().rglob("*.png"))
    store = store_pixels(paths, 32, "squash", tmp_path / "cache")
    digests = [info.sha256 for info in store.infos]
    rows = store.rows(digests[::-1])
    for path, row in zip(paths[::-1], rows, strict=True):
        np.testing.assert_array_equal(row, decode(path, 32, "squash"))
    np.testing.assert_array_equal(rows[1:3], np.stack([rows[1], rows[2]]))


def test_nothing_is_decoded_twice(
    image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(image_folder().rglob("*.png"))
    first = store_pixels(paths[:-1], 32, "squash", tmp_path)
    decoded = []
    open_image = Image.open

    def counting(*args: Any, **settings: Any) -> Image.Image:
        decoded.append(args)
        return open_image(*args, **settings)

    monkeypatch.setattr(Image, "open", counting)
    again = store_pixels(paths, 32, "squash", tmp_path)
    assert len(decoded) == 1
    assert again.infos[:-1] == first.infos
    store_pixels(paths, 48, "squash", tmp_path)
    assert len(decoded) == 1 + len(paths)


def test_a_changed_file_is_read_again(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    first, second = sorted(image_folder().rglob("*.png"))[:2]
    store_pixels([first], 32, "squash", tmp_path)
    first.write_bytes(second.read_bytes())
    store = store_pixels([first], 32, "squash", tmp_path)
    np.testing.assert_array_equal(
        store.read([store.infos[0].sha256])[0], decode(second, 32, "squash")
    )


def test_a_file_that_changes_while_it_is_read_is_stored_under_its_own_digest(
    image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = sorted(image_folder().rglob("*.png"))[:2]
    original, other = first.read_bytes(), second.read_bytes()
    digest = decoder.digest_of_bytes

    def change(content: bytes) -> str:
        first.write_bytes(other)
        return digest(content)

    monkeypatch.setattr(decoder, "digest_of_bytes", change)
    store = store_pixels([first], 32, "squash", tmp_path / "cache")
    first.write_bytes(original)
    np.testing.assert_array_equal(store.read([digest(original)])[0], decode(first, 32, "squash"))


def test_unreadable_files_have_a_problem_and_no_pixels(tmp_path: Path) -> None:
    empty, gone = tmp_path / "empty.jpg", tmp_path / "gone.png"
    empty.touch()
    store = store_pixels([empty, gone], 32, "squash", tmp_path / "cache")
    assert all(info.problem for info in store.infos)
    assert len(store.table) == 0


def test_a_torn_line_costs_one_image(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    paths = sorted(image_folder(classes=2, per_class=2).rglob("*.png"))
    store_pixels(paths, 32, "squash", tmp_path)
    lines = next(tmp_path.rglob("infos.jsonl"))
    lines.write_text(lines.read_text()[:-20])
    assert len(store_pixels(paths, 32, "squash", tmp_path).infos) == 4
    assert len(store_pixels(paths, 32, "squash", tmp_path).infos) == 4


@pytest.mark.parametrize("name", ["infos.jsonl", "values.bin", "index.bin"])
def test_damage_anywhere_in_the_store_is_noticed_and_mended(
    image_folder: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    paths = sorted(image_folder(classes=2, per_class=2).rglob("*.png"))
    whole = store_pixels(paths, 32, "squash", tmp_path)
    digests = [info.sha256 for info in whole.infos]
    expected = whole.read(digests)
    file = next(tmp_path.rglob(name))
    content = bytearray(file.read_bytes())
    for place in range(5, len(content), 40):
        content[place] ^= 1
    file.write_bytes(content)
    mended = store_pixels(paths, 32, "squash", tmp_path)
    assert mended.infos == whole.infos
    np.testing.assert_array_equal(mended.read(digests), expected)


@pytest.mark.skipif(os.name == "nt", reason="named pipes of POSIX")
@pytest.mark.parametrize("name", ["infos.jsonl", "values.bin", "index.bin"])
def test_a_pipe_in_place_of_a_file_is_refused_and_not_waited_for(
    image_folder: Callable[..., Path], tmp_path: Path, name: str
) -> None:
    paths = sorted(image_folder(classes=2, per_class=2).rglob("*.png"))
    store_pixels(paths, 32, "squash", tmp_path)
    file = next(tmp_path.rglob(name))
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(HostError, match="a pipe") as error:
        store_pixels(paths, 32, "squash", tmp_path)
    assert error.value.hint.endswith("tlearn cache clear")


def test_a_consumer_that_stops_does_not_wait_for_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []
    stopped = threading.Event()
    shutdown = ThreadPoolExecutor.shutdown

    def stop(pool: ThreadPoolExecutor, *arguments: Any, **options: Any) -> None:
        stopped.set()
        shutdown(pool, *arguments, **options)

    def work(item: int) -> int:
        started.append(item)
        if item:
            stopped.wait()
        return item

    monkeypatch.setattr(ThreadPoolExecutor, "shutdown", stop)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    results = bounded_map(work, range(60))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert len(started) <= 3


def test_results_come_in_the_order_of_the_items() -> None:
    assert list(bounded_map(lambda item: item * 2, range(200))) == list(range(0, 400, 2))
