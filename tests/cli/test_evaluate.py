"""The report as tables and as a document; which argument is the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tlearn.commands.evaluate import EvaluateResult
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.scores import Scores
from tlearn.runs.directory import RunDirectory

KEYS = {"accuracy", "interval", "macro_f1", "per_class", "confusion", "calibration_error"}


def result_of(report: Report, trained_on: int, unseen: Report | None = None) -> EvaluateResult:
    return EvaluateResult(RunDirectory(Path("runs/newest")), Scores(report, trained_on, unseen))


@pytest.fixture
def recorded(calls: Callable[..., Any], report: Callable[[str], Report]) -> list[Any]:
    return calls("evaluate", result_of(report("test"), 0))


def test_it_draws_accuracy_classes_and_confusion(
    command: Command, recorded: list[Any], fits: Callable[[str], None]
) -> None:
    result = command("evaluate")
    assert result.exit_code == 0 and recorded[0][0] == (None, None)
    fits(result.stdout)
    assert "90.0%" in result.stdout and "59.6 to 98.2" in result.stdout
    assert "9 of 10 images in test" in result.stdout
    assert "[bold]cats[/bold]" in result.stdout and "\\x1b[31mdogs" in result.stdout
    matrix = result.stdout.split("Confusion")[1].splitlines()
    assert matrix[1].split() == ["true", "[bold]cats[/bold]", "\\x1b[31mdogs", "a\\nb"]
    assert matrix[2].split() == ["[bold]cats[/bold]", "3", "1", "·"]


@pytest.mark.parametrize(
    ("names", "head"),
    [
        ([str(number) for number in range(10)], [str(number) for number in range(10)]),
        ([f"a class with a long name {n}" for n in range(3)], ["(a)", "(b)", "(c)"]),
    ],
)
def test_columns_of_the_confusion_are_named_and_never_numbered(
    names: list[str],
    head: list[str],
    command: Command,
    calls: Callable[..., Any],
    fits: Callable[[str], None],
) -> None:
    report = score(np.eye(len(names)), np.arange(len(names)), names, "test")
    calls("evaluate", result_of(report, 0))
    shown = command("evaluate").stdout
    fits(shown)
    matrix = shown.split("Confusion")[1].splitlines()
    assert matrix[1].split()[1:] == head
    assert matrix[2].split()[-len(names)] == "1"
    assert ("(a)" in matrix[2]) is (head[0] == "(a)")


def test_json_holds_the_keys_that_others_rely_on(command: Command, recorded: list[Any]) -> None:
    document = json.loads(command("evaluate", "--json").stdout)
    assert document.keys() >= KEYS and document["run"] == "runs/newest"
    assert document["confusion"][0] == [3, 1, 0]
    assert document["trained_on"] == 0 and document["unseen"] is None


def test_images_that_were_trained_on_are_no_test_of_the_model(
    command: Command,
    calls: Callable[..., Any],
    report: Callable[[str], Report],
    fits: Callable[[str], None],
) -> None:
    few = score(np.eye(3), np.arange(3), ("a", "b", "c"), "digits")
    calls("evaluate", result_of(report("digits"), 7, few))
    shown = command("evaluate").stdout
    fits(shown)
    assert "7 of these 10 images were trained on or may have served" in shown
    assert "3 of 3 right: 100.0%" in shown
    document = json.loads(command("evaluate", "--json").stdout)
    assert document["trained_on"] == 7 and document["unseen"]["accuracy"] == 1
    calls("evaluate", result_of(report("digits"), 10))
    shown = command("evaluate").stdout
    fits(shown)
    assert "all 10 images were trained on" in shown
    assert "this is no test of the model" in " ".join(shown.split())


def test_many_classes_show_the_worst_and_the_most_confused(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    names = [f"class {n}" for n in range(40)]
    labels = np.arange(80) % 40
    probabilities = np.eye(40)[labels] * 0.9 + 0.001
    probabilities[7] = np.eye(40)[8]
    report = score(probabilities, labels, names, "test")
    calls("evaluate", result_of(report, 0))
    shown = command("evaluate").stdout
    fits(shown)
    assert "30 classes with the lowest F1" in shown and "class 39" not in shown
    assert "Most often confused" in shown
    assert shown.splitlines()[-1].split() == ["class", "7", "class", "8", "1"]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["run"], ("run", None)),
        (["folder"], (None, "folder")),
        (["table.csv"], (None, "table.csv")),
        (["missing"], ("missing", None)),
        (["run", "folder"], ("run", "folder")),
        (["folder", "run"], ("folder", "run")),
    ],
)
def test_a_single_folder_that_is_no_run_is_the_folder(
    names: list[str],
    expected: tuple[str | None, str | None],
    command: Command,
    recorded: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("run", "folder"):
        Path(name).mkdir()
    Path("run/plan.yaml").touch()
    Path("table.csv").touch()
    command("evaluate", *names)
    assert recorded[0][0] == tuple(Path(name) if name else None for name in expected)
