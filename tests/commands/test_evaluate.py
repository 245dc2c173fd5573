"""A run is scored on its own held-out images, or on another folder."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.finished_run import Train
from tlearn import api
from tlearn.confidence.operating_point import Cost
from tlearn.data.manifest import read_manifest
from tlearn.errors import DataError, RecipeError
from tlearn.runs.trained_run import TrainedRun
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


def test_limits_are_held_against_images_that_were_not_trained_on(
    finished_run: Path, run_images: Path, tmp_path: Path
) -> None:
    own = api.evaluate(finished_run).report
    gates = api.Gates(min_accuracy=own.accuracy, min_recall={"circle": 1.0})
    result = api.evaluate(finished_run, run_images, gates=gates)
    accuracy, recall = result.gates
    assert accuracy.passed and f"of {own.n} images right" in accuracy.message
    assert recall.label == "circle" and result.passed is recall.passed
    manifest = read_manifest(result.run.split_path)
    for row in manifest.indices("train"):
        copy = tmp_path / "seen" / manifest.names[row]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(run_images / manifest.names[row], copy)
    with pytest.raises(DataError, match="nothing to hold limits against"):
        api.evaluate(finished_run, tmp_path / "seen", gates=gates)


def test_what_does_not_suit_the_classes_is_refused_before_any_image_is_read(
    finished_run: Path, tmp_path: Path
) -> None:
    for choice in (api.Choice(cost=Cost(10, 1)), api.Choice("circle"), api.Choice(None, None, 0.9)):
        with pytest.raises(RecipeError, match="is for two classes; the run has 3"):
            api.evaluate(finished_run, tmp_path / "none", choice=choice)
    with pytest.raises(RecipeError, match="no class 'Circl'; did you mean 'circle'"):
        api.evaluate(finished_run, gates=api.Gates(min_recall={"Circl": 0.5}))


def test_thresholds_of_several_classes_are_chosen_on_validation_images(finished_run: Path) -> None:
    result = api.evaluate(finished_run, choice=api.Choice(thresholds=True))
    assert [row.label for row in result.thresholds] == [*result.report.classes]
    assert all(0 < (row.threshold or 0) < 1 and row.chosen_f1 for row in result.thresholds)
    assert result.chosen is None and result.report.operating_point is None


def test_of_two_classes_a_threshold_is_chosen_on_validation_and_measured_on_test(
    train: Train, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(classes=2, per_class=12, name="two")
    (folder / "circle").rename(folder / "no_square")
    _, run = train(folder, "two_run")
    plain = api.evaluate(run.path).report.operating_point
    assert plain and (plain.positive, plain.chosen_by) == ("square", "most probable")
    choice = api.Choice("no_square", min_sensitivity=0.5)
    result = api.evaluate(run.path, choice=choice)
    point, chosen = result.report.operating_point, result.chosen
    assert point and chosen and point.threshold == chosen.threshold
    assert point.positive == "no_square" and result.report.positive_by == "given"
    assert point.sensitivity.n == result.report.per_class[0]["n"] and chosen.sensitivity.n
    with pytest.raises(RecipeError, match="no class 'squares'"):
        api.evaluate(run.path, choice=api.Choice("squares"))


def test_a_point_that_is_kept_is_what_the_run_answers_by_until_it_is_forgotten(
    train: Train, image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    folder = image_folder(classes=2, per_class=12, name="two")
    _, run = train(folder, "two_run")
    loose = [folder / "circle", folder / "square"]
    plain = [answer.label for answer in api.predict(run.path, loose)]
    by_cost = api.Choice("square", cost=Cost(10_000, 1))
    tried = api.evaluate(run.path, choice=by_cost)
    assert tried.chosen and not tried.is_kept
    assert [answer.label for answer in api.predict(run.path, loose)] == plain
    kept = api.evaluate(run.path, choice=by_cost, keep=True)
    assert kept.is_kept and kept.chosen == tried.chosen
    for answer in api.predict(run.path, loose):
        share = dict(answer.top)["square"]
        assert answer.label in ("", "square" if share >= tried.chosen.threshold else "circle")
    copies = api.sort_images(run.path, loose, api.Sorting(tmp_path / "sorted"))
    assert copies.sorted.unsure_below == 0, "the threshold says from where on a class is sure"
    for wanted in (0.5, 0.99):  # the images are too few to promise so much
        choice = api.Choice("square", min_sensitivity=wanted)
        api.evaluate(run.path, choice=choice, keep=True)
        found = [answer.label for answer in api.predict(run.path, loose)]
        rare = api.predict(run.path, loose, prior={"square": 0.01})
        assert [answer.label for answer in rare] == found
    api.evaluate(run.path, choice=by_cost, keep=True)
    again = api.evaluate(run.path)
    assert again.is_kept and again.chosen == kept.chosen
    assert again.report.operating_point == kept.report.operating_point
    assert not api.evaluate(run.path, choice=api.Choice("circle")).is_kept
    forgotten = api.evaluate(run.path, forget=True)
    assert forgotten.forgot and not forgotten.is_kept
    assert api.evaluate(run.path, forget=True).forgot is False
    assert [answer.label for answer in api.predict(run.path, loose)] == plain


def test_a_runs_own_images_are_no_strangers(finished_run: Path, run_images: Path) -> None:
    manifest = TrainedRun.open(finished_run).manifest
    strangers = api.evaluate(finished_run, unknown=run_images).strangers
    assert strangers is not None and strangers.n == len(manifest.names)
    assert strangers.trained_on == manifest.count("train") + manifest.count("val")


def test_without_validation_images_there_is_nothing_to_choose_on(
    train: Train, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(classes=2, per_class=4, name="few")
    _, run = train(folder, "few_run")
    with pytest.raises(DataError, match="no validation images") as error:
        api.evaluate(run.path, choice=api.Choice(cost=Cost(1, 1)))
    assert "--set val_fraction" in error.value.hint
