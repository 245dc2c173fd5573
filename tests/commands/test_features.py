"""Shards of features: the same bits by one machine and by many, whatever is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn import api
from tlearn.commands.features import shard_number
from tlearn.commands.session import Session
from tlearn.errors import HostError, RecipeError

FLAGS = {"backbone": "builtin"}


@pytest.fixture
def images(image_folder: Callable[..., Path]) -> Path:
    folder = image_folder(classes=3, per_class=14)
    (folder / "circle" / "broken.jpg").write_bytes(b"none")
    (folder / "circle" / "copy.png").write_bytes((folder / "circle" / "circle_0.png").read_bytes())
    return folder


def compute(images: Path, store: Path, count: int) -> list[api.FeaturesResult]:
    return [api.features(images, (n, count), store=store, flags=FLAGS) for n in range(1, count + 1)]


def head_of(images: Path, tmp_path: Path, name: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Features and head of a folder, and the steps that were taken."""
    steps: list[str] = []

    def note(step: str, *_: int) -> None:
        steps.append(step)

    flags = FLAGS | {"policy": "linear_head"}
    os.environ["TLEARN_CACHE"] = str(tmp_path / f"cache-{name}")  # own_cache puts it back
    with Session(images, None, flags, progress=note) as session:
        workspace = session.extract_features(session.open_workspace())
        assert workspace.features
        problem = session.head_problem(workspace, [1, 2])
        head = workspace.features.solve(problem, 0.01)
        outputs = workspace.features.stage_outputs
        rows = workspace.features.read(outputs, workspace.dataset.manifest.digests)
    return rows, np.vstack([head.kernel, head.bias]), steps


def test_two_and_eight_shards_give_the_bits_of_one_machine(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, head, steps = head_of(images, tmp_path, "alone")
    assert "compute features" in steps
    for count in (2, 8):
        store = tmp_path / f"store-{count}"
        results = compute(images, store, count)
        assert sum(result.n_images for result in results) == 44
        assert [Path(path).name for r in results for path in r.problems] == ["broken.jpg"]
        monkeypatch.setenv("TLEARN_STORE", str(store))
        shared_rows, shared_head, steps = head_of(images, tmp_path, str(count))
        assert "compute features" not in steps
        np.testing.assert_array_equal(shared_rows, rows)
        np.testing.assert_array_equal(shared_head, head)


def test_what_the_shards_lack_is_computed(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, head, _ = head_of(images, tmp_path, "alone")
    api.features(images, (2, 2), store=tmp_path / "store", flags=FLAGS)
    monkeypatch.setenv("TLEARN_STORE", str(tmp_path / "store"))
    shared_rows, shared_head, steps = head_of(images, tmp_path, "half")
    assert "compute features" in steps
    np.testing.assert_array_equal(shared_rows, rows)
    np.testing.assert_array_equal(shared_head, head)


def test_a_shard_that_is_there_is_skipped_until_its_images_change(
    images: Path, tmp_path: Path, opened: list[str]
) -> None:
    first = compute(images, tmp_path / "store", 2)
    assert all(result.computed for result in first)
    opened.clear()
    assert not any(result.computed for result in compute(images, tmp_path / "store", 2))
    assert not opened
    added = images / "square" / "more.png"
    added.write_bytes((images / "circle" / "circle_1.png").read_bytes())
    again = compute(images, tmp_path / "store", 2)
    changed = shard_number("square/more.png", 2)
    assert [result.computed for result in again] == [changed == 1, changed == 2]


def test_no_pixels_are_kept(images: Path, tmp_path: Path, own_cache: Path) -> None:
    compute(images, tmp_path / "store", 1)
    assert not (own_cache / "pixels").exists() and not (own_cache / "features").exists()


def test_shards_divide_names_and_not_places() -> None:
    assert [shard_number("cat/1.jpg", count) for count in (1, 2, 8, 1000)] == [1, 2, 2, 122]
    numbers = [shard_number(f"cat/{n}.jpg", 4) for n in range(4000)]
    assert {*numbers} == {1, 2, 3, 4} and min(map(numbers.count, {*numbers})) > 900


def test_processes_side_by_side_and_killed_end_with_the_same_bytes(
    image_folder: Callable[..., Path], tmp_path: Path, own_cache: Path
) -> None:
    images = image_folder(classes=3, per_class=60)

    def start(store: str) -> subprocess.Popen[Any]:
        line = [sys.executable, "-m", "tlearn", "features", str(images), "--backbone", "builtin"]
        line += ["--store", str(tmp_path / store), "--shard", "2/2", "-q"]
        return subprocess.Popen(line, stdout=subprocess.DEVNULL)

    together = [start("whole"), start("whole")]
    killed = start("killed")
    while not (found := [*(tmp_path / "killed").rglob(".*.rows")]) or not found[0].stat().st_size:
        assert killed.poll() is None
        time.sleep(0.002)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    assert not [*(tmp_path / "killed").rglob("[!.]*.rows")]
    assert start("killed").wait() == 0
    assert [process.wait() for process in together] == [0, 0]
    (one,), (other,) = ([*(tmp_path / name).rglob("2-of-2.rows")] for name in ("whole", "killed"))
    assert one.read_bytes() == other.read_bytes()


def test_a_store_that_is_missing_is_told_before_images_are_read(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: list[str]
) -> None:
    with pytest.raises(RecipeError, match="no store"):
        api.features(images)
    monkeypatch.setenv("TLEARN_STORE", str(tmp_path / "nowhere"))
    with pytest.raises(HostError, match="no folder"):
        api.suggest(images, flags=FLAGS)
    assert not opened
    first = api.features(images, (1, 40), store=tmp_path / "nowhere", flags=FLAGS)
    assert first.computed
    (tmp_path / "file").touch()
    with pytest.raises(HostError, match="Not a directory"):
        api.features(images, store=tmp_path / "file")
