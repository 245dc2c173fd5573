"""A run is scored on its own held-out images, or on another folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tlearn import api
from tlearn.data.manifest import read_manifest
from tlearn.errors import DataError
from tlearn.storage.text import read_json


def test_its_own_images_give_the_accuracy_it_was_saved_with(finished_run: Path) -> None:
    result = api.evaluate(finished_run)
    assert result.report.split == "test"
    assert result.report.accuracy == read_json(result.run.metrics_path)["test_accuracy"]
    assert result.scores.trained_on == 0 and result.scores.unseen is None


def test_another_folder_may_lack_classes_but_not_have_others(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    other = image_folder(classes=2, per_class=6, name="other")
    assert api.evaluate(finished_run, other).report.n == 12
    (other / "square").rename(other / "hexagon")
    with pytest.raises(DataError, match="hexagon"):
        api.evaluate(finished_run, other)


def test_a_folder_of_one_class_is_scored(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(classes=2, per_class=6, name="other")
    shutil.rmtree(folder / "square")
    assert api.evaluate(finished_run, folder).report.n == 6
    (folder / "circle").rename(folder / "hexagon")
    with pytest.raises(DataError, match="does not know: 'hexagon'"):
        api.evaluate(finished_run, folder)


def test_images_that_were_trained_on_are_told_apart(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    own = api.evaluate(finished_run)
    scores = api.evaluate(finished_run, run_images).scores
    assert scores.report.n == 60 and scores.trained_on == 60 - own.report.n
    assert scores.unseen is not None
    assert (scores.unseen.n, scores.unseen.accuracy) == (own.report.n, own.report.accuracy)
    manifest = read_manifest(own.run.split_path)
    for row in manifest.indices("train"):  # under other names
        copy = tmp_path / "copies" / manifest.classes[manifest.labels[row]] / f"{row}.png"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run_images / manifest.names[row], copy)
    scores = api.evaluate(finished_run, tmp_path / "copies").scores
    assert scores.trained_on == scores.report.n == manifest.count("train")
    assert scores.unseen is None


def test_copies_in_another_folder_are_no_more_evidence(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(per_class=6, name="other")
    alone = api.evaluate(finished_run, folder)
    assert alone.report.n_groups == alone.report.n == 18 and alone.grouped_by == ()
    for path in [*folder.rglob("*.png")]:
        for number in range(4):
            shutil.copy(path, path.with_name(f"{path.stem}{'abcd'[number]}.png"))
    copied = api.evaluate(finished_run, folder)
    assert copied.report.n == 90 and copied.report.n_groups == 18
    assert copied.grouped_by[0] == "copies"
    assert copied.report.interval == pytest.approx(alone.report.interval)


def test_images_of_another_folder_are_grouped_by_their_names(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(per_class=12, name="other")
    single = api.evaluate(finished_run, folder).report
    for row, path in enumerate(sorted(folder.rglob("*.png"))):
        path.rename(path.with_name(f"patient{row // 3}_{row % 3}.png"))
    grouped = api.evaluate(finished_run, folder)
    assert grouped.report.accuracy == single.accuracy
    assert grouped.report.n_groups == 12
    assert grouped.grouped_by == ("names (patientN)",)
    low, high = grouped.report.interval
    assert low < single.interval[0] and high >= single.interval[1]
