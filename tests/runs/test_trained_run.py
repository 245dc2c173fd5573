"""What a run gives back: its plan, its splits, its images or those that stand in for them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.finished_run import name_images
from tlearn.data.decode import decode
from tlearn.errors import DataError, RunError
from tlearn.runs.contents import seal
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.cache import cache_folder
from tlearn.storage.text import read_json, write_json


def test_images_come_in_the_order_of_their_labels_and_names(
    finished_run: Path, run_images: Path
) -> None:
    run = TrainedRun.open(finished_run)
    images = run.read_images_or_samples("test")
    assert (images.source, len(images.names)) == ("test", 9)
    np.testing.assert_array_equal(images.labels, run.read_split("test").labels)
    for name, label, pixels in zip(images.names, images.labels, images.pixels, strict=True):
        np.testing.assert_array_equal(decode(run_images / name, 32, "squash"), pixels)
        assert run.labels[label] == Path(name).parent.name


def test_where_images_are_gone_those_kept_in_the_run_stand_in(
    finished_run: Path, tmp_path: Path
) -> None:
    whole = TrainedRun.open(finished_run).read_images_or_samples("val")
    named = TrainedRun.open(finished_run, tmp_path / "elsewhere")
    with pytest.raises(DataError, match="missing") as error:
        named.read_images_or_samples("val")
    assert "--data" in error.value.hint

    name_images(finished_run, tmp_path / "gone")
    sample = TrainedRun.open(finished_run).read_images_or_samples("val")
    assert sample.source == "sample of val" and sample.names == whole.names
    np.testing.assert_array_equal(np.asarray(sample.pixels), whole.pixels[:])
    with pytest.raises(DataError):
        TrainedRun.open(finished_run).read_images("val")


@pytest.mark.parametrize("source", ["photos", "photos/images.csv"])
def test_images_that_are_gone_are_missing_from_the_folder_they_were_in(
    finished_run: Path, tmp_path: Path, source: str
) -> None:
    name_images(finished_run, tmp_path / source)
    with pytest.raises(DataError) as error:
        TrainedRun.open(finished_run).read_images("val")
    assert f"missing from '{tmp_path / 'photos'}' or" in error.value.message


def test_files_that_cannot_be_read_are_told_apart(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    paths = [tmp_path / "broken.png", next(run_images.rglob("*.png"))]
    pixels, problems = TrainedRun.open(finished_run).read_files(paths)
    assert len(pixels) == 1
    assert bool(problems[0]) and problems[1] is None


def test_a_few_files_are_read_as_many_are(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    """For a few, the store of pixels is not opened: its index may be larger than they are."""
    (tmp_path / "broken.png").write_bytes(b"")
    paths = [tmp_path / "broken.png", *sorted(run_images.rglob("*.png"))[:40]]
    run = TrainedRun.open(finished_run)
    few, few_problems = run.read_files(paths[:9])
    assert not (cache_folder() / "pixels").exists()
    many, problems = run.read_files(paths)
    np.testing.assert_array_equal(few, many[:8])
    assert few_problems == problems[:9]
    nothing, _ = run.read_files(paths[:1])
    assert nothing.shape == (0, 32, 32, 3)


def test_a_model_that_cannot_be_loaded_is_an_error(finished_run: Path) -> None:
    (finished_run / "model.keras").write_bytes(b"no model")
    seal(RunDirectory(finished_run))
    with pytest.raises(RunError, match="cannot be loaded"):
        TrainedRun.open(finished_run).load_model()


@pytest.mark.parametrize(("classes", "side"), [(2, 32), (3, 64)])
def test_a_model_of_other_classes_or_another_size_is_refused(
    finished_run: Path, classes: int, side: int
) -> None:
    """A run of an earlier version has no digests; the shapes of its model tell."""
    import keras

    layers = [keras.Input((side, side, 3)), keras.layers.Flatten(), keras.layers.Dense(classes)]
    keras.Sequential(layers).save(finished_run / "model.keras")
    (finished_run / "sha256.json").unlink()
    with pytest.raises(RunError, match=rf"takes \(None, {side}.*by the plan it takes \(None, 32"):
        TrainedRun.open(finished_run).load_model()


@pytest.mark.parametrize("change", [{"val": [0, 500]}, {"golden": [{"file": "a", "label": 3}]}])
def test_samples_that_are_not_of_the_run_are_damage(finished_run: Path, change: Any) -> None:
    index = finished_run / "samples" / "samples.json"
    golden = [entry | {"sha256": "0"} for entry in change.get("golden", [])]
    write_json(index, read_json(index) | change | ({"golden": golden} if golden else {}))
    with pytest.raises(RunError, match=r"does not fit split\.csv"):
        TrainedRun.open(finished_run)
