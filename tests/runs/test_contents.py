"""A run that was edited, mixed up or half synchronized is refused; one that was moved is not."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.written_run import WriteRun, make_manifest
from tlearn import api
from tlearn.errors import RunError, TlearnError
from tlearn.runs.contents import read_contents, seal
from tlearn.runs.directory import FILES_AT_END, RunDirectory

FIRST = Path(__file__).parents[1] / "first_version" / "run"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def swap_splits(path: Path) -> None:
    parts = path.read_text().split(",")
    other = {"train": "test", "test": "train"}
    path.write_text(",".join(other.get(part, part) for part in parts))


def change_metrics(change: Callable[[Any], None]) -> Callable[[RunDirectory], None]:
    def apply(run: RunDirectory) -> None:
        values = json.loads(run.metrics_path.read_text())
        change(values["reports"]["test"])
        run.metrics_path.write_text(json.dumps(values))

    return apply


CONTRADICTIONS: dict[str, tuple[Callable[[RunDirectory], object], str]] = {
    "labels swapped": (lambda run: run.write_labels(["bees", "ants", "[bold]wasps"]), "labels.txt"),
    "labels equal": (lambda run: run.write_labels(["ants", "ants", "[bold]wasps"]), "labels.txt"),
    "labels missing": (lambda run: run.write_labels(["ants", "bees"]), "labels.txt"),
    "labels empty": (lambda run: run.labels_path.write_bytes(b""), "labels.txt"),
    "labels not text": (lambda run: run.labels_path.write_bytes(b"\xff\0\n"), "labels.txt"),
    "train and test exchanged": (lambda run: swap_splits(run.split_path), "12 + 6 + 24 images"),
    "a row removed": (
        lambda run: edit(run.split_path, run.split_path.read_text().split("\n")[1] + "\n", ""),
        "23 + 6 + 12 images",
    ),
    "other classes in the split": (
        lambda run: run.split_path.write_text(run.split_path.read_text().replace(",bees,", ",b,")),
        "split.csv and plan.yaml name other classes",
    ),
    "accuracy edited": (change_metrics(lambda test: test.update(accuracy=1.0)), "scores on test"),
    "scores of other classes": (
        change_metrics(lambda test: test.update(classes=["a", "b", "c"])),
        "scores on test",
    ),
    "scores of other images": (change_metrics(lambda test: test.update(n=11)), "scores on test"),
    "confusion cut": (change_metrics(lambda test: test["confusion"].pop()), "scores on test"),
    "an image of no size": (
        lambda run: edit(run.plan_path, "image_size: 224", "image_size: 0"),
        "image_size: 0 is not allowed",
    ),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_files_that_contradict_each_other_are_refused_without_digests_too(
    write_run: WriteRun, case: str
) -> None:
    run = write_run()
    read_contents(run)
    change, message = CONTRADICTIONS[case]
    change(run)
    with pytest.raises(TlearnError) as error:
        read_contents(run)
    assert message in error.value.message
    assert "tlearn finetune FOLDER" in error.value.hint


@pytest.mark.parametrize("name", FILES_AT_END)
def test_a_file_that_was_changed_after_training_is_named(write_run: WriteRun, name: str) -> None:
    run = write_run()
    seal(run)
    content = (run.path / name).read_bytes()
    (run.path / name).write_bytes(content + b"\n")
    with pytest.raises(RunError, match=f"was changed after its training: {name}$") as error:
        read_contents(run)
    assert f"--out {run.path} --overwrite" in error.value.hint
    (run.path / name).write_bytes(content)
    read_contents(run)


def test_files_of_another_run_are_noticed_and_all_named(write_run: WriteRun) -> None:
    run, other = write_run("a"), write_run("b", wrong=(1, 2), policy="deep")
    seal(run)
    for name in ("plan.yaml", "metrics.json"):
        shutil.copy(other.path / name, run.path / name)
    with pytest.raises(RunError, match=r": plan\.yaml, metrics\.json$"):
        read_contents(run)


def test_a_list_of_runs_does_not_read_their_models(write_run: WriteRun) -> None:
    run = write_run()
    seal(run)
    run.model_path.write_bytes(b"another")
    read_contents(run, with_model=False)
    with pytest.raises(RunError, match=r"model\.keras"):
        read_contents(run)


def test_huge_files_and_pipes_under_the_name_of_a_file_are_changes(write_run: WriteRun) -> None:
    run = write_run()
    seal(run)
    with run.model_path.open("wb") as file:
        file.truncate(40 * 10**9)
    run.labels_path.unlink()
    os.mkfifo(run.labels_path)
    with pytest.raises(RunError, match=r": labels\.txt, model\.keras$"):
        read_contents(run)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"plan.yaml": 1}', "[" * 100_000])
def test_damaged_digests_are_damage(write_run: WriteRun, content: str) -> None:
    run = write_run()
    run.digests_path.write_text(content)
    with pytest.raises(RunError, match=r"sha256\.json"):
        read_contents(run)


def test_a_run_may_be_moved_emptied_of_extras_and_given_files(
    finished_run: Path, tmp_path: Path
) -> None:
    moved = finished_run.rename(tmp_path / "moved")
    for name in ("figures", "samples"):
        shutil.rmtree(moved / name)
    (moved / "report.html").unlink()
    (moved / "notes.txt").write_text("mine")
    assert api.evaluate(moved).report.n == 9
    assert api.describe(moved).text


def test_a_run_of_the_first_version_is_read(tmp_path: Path) -> None:
    run = RunDirectory(shutil.copytree(FIRST, tmp_path / "run"))
    assert len(read_contents(run).plan.split.classes) == 3
    swap_splits(run.split_path)
    with pytest.raises(TlearnError):
        read_contents(run)


def test_equal_numbers_in_two_splits_do_not_hide_an_exchange(write_run: WriteRun) -> None:
    run = write_run(manifest=make_manifest(counts={"train": 4, "val": 2, "test": 4}))
    seal(run)
    swap_splits(run.split_path)
    with pytest.raises(RunError, match=r"split\.csv"):
        read_contents(run)


@pytest.mark.parametrize("command", ["evaluate", "predict", "export", "describe", "compare"])
def test_every_command_refuses_a_run_that_was_changed(
    finished_run: Path, run_images: Path, tmp_path: Path, command: str
) -> None:
    other = shutil.copytree(finished_run, tmp_path / "other")
    labels = finished_run / "labels.txt"
    first, second, *rest = labels.read_text().splitlines(keepends=True)
    labels.write_text("".join([second, first, *rest]))
    commands: dict[str, Callable[[], object]] = {
        "evaluate": lambda: api.evaluate(finished_run),
        "predict": lambda: api.predict(finished_run, [run_images]),
        "export": lambda: api.export(finished_run, [("tflite", "none")]),
        "describe": lambda: api.describe(finished_run),
        "compare": lambda: api.compare([other, finished_run]),
    }
    with pytest.raises(RunError, match=r"changed after its training: labels\.txt"):
        commands[command]()
