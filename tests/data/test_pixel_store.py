"""Files to stored pixels: decoded once, in order, bad files told apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tlearn.data import pixel_store as pipeline
from tlearn.data.decode import decode
from tlearn.data.pixel_store import bounded_map, store_pixels


def test_pixels_are_the_decoders_whatever_the_order(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    paths = sorted(image_folder().rglob("*.png"))
    store = store_pixels(paths, 32, "squash", tmp_path / "cache")
    digests = [fact.sha256 for fact in store.facts]
    rows = store.rows(digests[::-1])
    for path, row in zip(paths[::-1], rows, strict=True):
        np.testing.assert_array_equal(row, decode(path, 32, "squash"))
    np.testing.assert_array_equal(rows[1:3], np.stack([rows[1], rows[2]]))


def test_a_second_time_nothing_is_decoded(
    image_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = sorted(image_folder().rglob("*.png"))
    first = store_pixels(paths[:-1], 32, "squash", tmp_path)
    read: list[Path] = []
    real = pipeline.read_image

    def counting(path: Path, size: int, resize: str) -> object:
        read.append(path)
        return real(path, size, resize)

    monkeypatch.setattr(pipeline, "read_image", counting)
    again = store_pixels(paths, 32, "squash", tmp_path)
    assert read == paths[-1:]
    assert again.facts[:-1] == first.facts
    store_pixels(paths, 48, "squash", tmp_path)
    assert len(read) == 1 + len(paths)


def test_a_changed_file_is_read_again(image_folder: Callable[..., Path], tmp_path: Path) -> None:
    one, other = sorted(image_folder().rglob("*.png"))[:2]
    store_pixels([one], 32, "squash", tmp_path)
    one.write_bytes(other.read_bytes())
    store = store_pixels([one], 32, "squash", tmp_path)
    np.testing.assert_array_equal(
        store.read([store.facts[0].sha256])[0], decode(other, 32, "squash")
    )


def test_bad_files_have_a_problem_and_no_pixels(tmp_path: Path) -> None:
    empty, gone = tmp_path / "empty.jpg", tmp_path / "gone.png"
    empty.touch()
    store = store_pixels([empty, gone], 32, "squash", tmp_path / "cache")
    assert all(fact.problem for fact in store.facts)
    assert len(store.table) == 0


def test_a_torn_line_of_facts_costs_one_picture(
    image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    paths = sorted(image_folder(classes=2, per_class=2).rglob("*.png"))
    store_pixels(paths, 32, "squash", tmp_path)
    facts = next(tmp_path.rglob("facts.jsonl"))
    facts.write_text(facts.read_text()[:-20])
    assert len(store_pixels(paths, 32, "squash", tmp_path).facts) == 4
    assert len(store_pixels(paths, 32, "squash", tmp_path).facts) == 4


def test_whoever_stops_listening_does_not_wait_for_the_rest() -> None:
    begun: list[int] = []

    def work(item: int) -> int:
        begun.append(item)
        time.sleep(0.01)
        return item

    results = bounded_map(work, range(60))
    assert next(results) == 0
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 40
