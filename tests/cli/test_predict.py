"""Answers as a table, a document and a CSV; which argument is the run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tests.written_run import WriteRun
from tlearn.evaluation.predictions import Prediction

LABELS = ("[b]cat", "\x1b[31mdog", "bird")


@pytest.fixture(autouse=True)
def latest_run(write_run: WriteRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only run in the working folder."""
    monkeypatch.chdir(tmp_path)
    return write_run("latest").path.relative_to(tmp_path)


@pytest.fixture
def answers() -> list[Prediction]:
    row = np.asarray([0.7, 0.2, 0.1])
    good = Prediction.of("/far/away/" + "folder/" * 9 + "[red]one.jpg", row, LABELS)
    return [good, Prediction.unreadable("two.jpg", "cut short\x1b[31m")]


def test_it_draws_answers_and_problems(
    command: Command,
    calls: Callable[..., Any],
    answers: list[Prediction],
    fits: Callable[[str], None],
    latest_run: Path,
) -> None:
    recorded = calls("predict", answers)
    result = command("predict", "images")
    assert result.exit_code == 0
    fits(result.stdout)
    assert recorded[0][0] == (latest_run, [Path("images")])
    assert "runs/latest  mobilenet_v2, 2026-01-02" in result.stdout
    row = next(line for line in result.stdout.splitlines() if "one.jpg" in line)
    assert row.startswith("…") and "[b]cat" in row and "70.0%" in row
    assert "\\x1b[31mdog 20.0%" in row and "bird" not in row
    assert "1 of 2 images cannot be read" in result.stdout
    assert "two.jpg: cut short\\x1b[31m" in result.stdout


def test_top_says_how_many_answers(
    command: Command, calls: Callable[..., Any], answers: list[Prediction]
) -> None:
    calls("predict", answers)
    assert "bird 10.0%" in command("predict", "x", "--top", 3).stdout
    assert "dog" not in command("predict", "x", "--top", 1).stdout
    document = json.loads(command("predict", "x", "--top", 1, "--json").stdout)
    assert len(document["predictions"][0]["top"]) == 1


def test_json_says_why_an_image_has_no_answer(
    command: Command, calls: Callable[..., Any], answers: list[Prediction]
) -> None:
    calls("predict", answers)
    document = json.loads(command("predict", "x", "--json").stdout)
    assert document["run"] == "runs/latest"
    first, second = document["predictions"]
    assert first["image"] == first["picture"]  # its first name
    assert first["label"] == "[b]cat" and first["probability"] == 0.7 and not first["problem"]
    assert second["label"] is None and second["problem"].startswith("cut short")


def test_a_csv_has_a_row_for_every_image(
    command: Command, calls: Callable[..., Any], answers: list[Prediction], tmp_path: Path
) -> None:
    calls("predict", answers)
    target = tmp_path / "answers.csv"
    assert "answers.csv" in command("predict", "x", "--csv", target).stdout
    with target.open(newline="") as file:
        assert [row["label"] for row in csv.DictReader(file)] == ["[b]cat", ""]


def test_a_csv_that_cannot_be_written_names_the_flag(
    command: Command, calls: Callable[..., Any], answers: list[Prediction], tmp_path: Path
) -> None:
    recorded = calls("predict", answers)
    (tmp_path / "file").touch()
    for target in (tmp_path / "file" / "answers.csv", tmp_path):
        result = command("predict", "x", "--csv", target)
        assert result.exit_code == 2 and "--csv" in result.stderr
    assert not recorded, "the place is looked at before images are classified"


def test_nothing_readable_exits_2(
    command: Command, calls: Callable[..., Any], answers: list[Prediction]
) -> None:
    calls("predict", answers[1:])
    result = command("predict", "x", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["predictions"][0]["problem"]


def test_a_run_in_the_first_place_is_asked(
    command: Command, calls: Callable[..., Any], answers: list[Prediction], write_run: WriteRun
) -> None:
    recorded = calls("predict", answers)
    run = write_run("older", started="2025-01-02T03:04:05+00:00").path
    command("predict", run, "a.jpg", "b.jpg")
    assert recorded[0][0] == (run, [Path("a.jpg"), Path("b.jpg")])
    for words in (["a.jpg", run], ["runs"]):
        result = command("predict", *words)
        assert result.exit_code == 2 and "not images to classify" in result.stderr
    assert len(recorded) == 1, "what runs hold is never classified"
    alone = command("predict", run)
    assert alone.exit_code == 2 and "no image was named" in alone.stderr
