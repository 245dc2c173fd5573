"""`tlearn update`: what is added, what it does to the old classes, exit codes, its document."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.conftest import draw_image
from tlearn.cli.display.progress import print_result
from tlearn.cli.update_view import draw_result
from tlearn.commands.compare import Paired
from tlearn.commands.verdict import Pairing, Verdict
from tlearn.evaluation.metrics import Report
from tlearn.runs.directory import RunDirectory


@pytest.fixture(autouse=True)
def here(
    finished_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, converted: None
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tlearn.commands.save.write_report", lambda *_: None)
    monkeypatch.setattr("tlearn.commands.save.write_figures", lambda *_: None)


def draw(folder: str, n: int, **shapes: str) -> Path:
    """Draw images of each shape into the folder of a class."""
    for class_name, shape in shapes.items():
        (Path(folder) / class_name).mkdir(parents=True)
        for number in range(n):
            image = draw_image(shape, 9_000 + len(shape) * 1_000 + number)
            image.save(Path(folder) / class_name / f"{number}.png")
    return Path(folder)


def test_it_says_what_is_added_what_changes_and_what_is_next(
    command: Command, fits: Callable[[str], None], run_images: Path
) -> None:
    new = draw("new", 20, circle="circle", dots="dots")
    (new / "circle" / "broken.png").write_bytes(b"no image")
    shutil.copyfile(run_images / "square" / "square_1.png", new / "circle" / "odd.png")
    shutil.copyfile(run_images / "circle" / "circle_1.png", new / "circle" / "same.png")
    result = command("update", "run", "new")
    assert result.exit_code == 0, result.output
    fits(result.stdout)
    words = " ".join(result.stdout.split())
    for text in (
        "60 + 40 new: 28 train, 6 val, 6 test",
        "3 + 1 new: dots",
        "1 new image left out: the run has them",
        "'new/circle/odd.png' is 'circle', and in the run ('square/square_1.png') 'square'",
        "'new/circle/broken.png'",
        "those of the old run",
        "run-2",
    ):
        assert text in words
    assert result.stdout.splitlines()[-1] == "next       tlearn export run-2 --tflite"


def test_the_document_has_both_accuracies_and_what_was_added(command: Command) -> None:
    draw("new", 20, square="square", dots="dots")
    document = json.loads(command("update", "run", "new", "--out", "kept", "--json").stdout)
    assert document["run"] == "kept" and document["released"] is True
    assert document["classes_added"] == ["dots"]
    assert document["images_added"] == {"train": 28, "val": 6, "test": 6}
    low, high = document["interval"]
    assert low < document["new_accuracy"] - document["old_accuracy"] < high
    assert document["n"] == 12 and document["on_own_images"]["n"] == 9
    assert document["next"] == "tlearn export kept --tflite"


def test_a_worse_model_is_a_failed_gate(command: Command, fits: Callable[[str], None]) -> None:
    draw("new", 60, circle="square", square="stripes", stripes="circle")
    result = command("update", "run", "new")
    assert result.exit_code == 1
    fits(result.output)
    assert "error: the new model was not released" in result.stderr
    assert "--force" in result.stderr and "tlearn evaluate run new" in result.stderr
    assert Path("run-2-unreleased/model.keras").exists() and not Path("run-2").exists()
    again = command("update", "run", "new", "--json")
    assert again.exit_code == 1
    document = json.loads(again.stdout)
    assert document["released"] is False and document["run"] == "run-2-unreleased-2"
    assert document["on_own_images"]["interval"][1] < 0


def test_a_dry_run_leaves_nothing(command: Command, fits: Callable[[str], None]) -> None:
    draw("new", 6, circle="circle")
    result = command("update", "run", "new", "--dry-run", "--out", "more")
    assert result.exit_code == 0, result.output
    fits(result.stdout)
    assert result.stdout.splitlines()[-1] == "next       tlearn update run new --out more"
    document = json.loads(command("update", "run", "new", "--dry-run", "--json").stdout)
    assert document["run"] is None and document["released"] is None
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["new", "run"]


def test_the_run_may_be_the_folder_one_is_in(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw("new", 6, circle="circle")
    monkeypatch.chdir("run")
    result = command("update", ".", "../new")
    assert result.exit_code == 0, result.output
    assert Path("../run-2/model.keras").exists()


def test_the_latest_run_is_never_one_that_was_not_released(command: Command) -> None:
    Path("runs").mkdir()
    shutil.copytree("run", "runs/good")
    shutil.copytree("run", "runs/good-2-unreleased")
    (Path("runs/good-2-unreleased") / ".tlearn-run").write_text("2999-01-01T00:00:00+00:00\n")
    document = json.loads(command("describe", "--json").stdout)
    assert document["run"] == "runs/good"
    refused = command("update", "run", "new")
    assert refused.exit_code == 2 and "'new' does not exist" in refused.stderr


def test_validation_images_are_not_called_test_images(
    report: Callable[[str], Report], capsys: pytest.CaptureFixture[str]
) -> None:
    pairing = Pairing(9, 0.8, Paired(0.9, 0.1, (-0.1, 0.3), 1, 0, 9))
    reports = {"val": report("val")}
    facts: Any = SimpleNamespace(
        run=RunDirectory(Path("run-2")), verdict=Verdict(pairing, pairing, 1), reports=reports
    )
    facts.seconds, facts.released, facts.warnings = {}, True, ()
    print_result(*draw_result(facts))
    shown = capsys.readouterr().out
    assert "all validation images" in shown and "Right on 9 of 10 validation images" in shown
