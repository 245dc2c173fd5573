"""The report as tables and as a document; which argument is the run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import Command
from tlearn.commands.evaluate import EvaluateResult
from tlearn.confidence.strangers import StrangerScores
from tlearn.evaluation.class_thresholds import ClassThreshold
from tlearn.evaluation.gates import Gates, check_gates
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.operating_point import choose_operating_point
from tlearn.evaluation.scores import Scores
from tlearn.runs.directory import RunDirectory

KEYS = {"ece", "ece_before", "log_loss", "brier", "roc_auc", "gates", "passed"}
KEYS |= {"accuracy", "interval", "macro_f1", "per_class", "confusion", "calibration_error"}


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


def test_strangers_that_were_trained_on_are_called_no_test(
    command: Command, calls: Callable[..., Any], report: Callable[[str], Report]
) -> None:
    strangers = StrangerScores(0.98, 0.25, 40, trained_on=12)
    calls("evaluate", replace(result_of(report("test"), 0), strangers=strangers))
    shown = " ".join(command("evaluate", "--unknown", "sky").stdout.split())
    assert "75.0% of 40 images of no class refused" in shown
    assert "has learned from 12 of them: this is no test" in shown
    assert json.loads(command("evaluate", "--json").stdout)["unknown_trained_on"] == 12


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
    assert "7 of the 10 images were trained on or may have served" in shown
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


def two_classes(n: int = 40, **chosen: Any) -> EvaluateResult:
    """A run that finds 18 of 20 [defect] images and leaves 16 of 20 [ok] ones alone."""
    labels = np.arange(n) % 2
    scores = np.where(labels == 1, 0.9, 0.2) + np.arange(n) / 1000
    scores[[0, 2, 4, 6]], scores[[1, 3]] = 0.7, 0.3
    rows, names = np.stack([1 - scores, scores], axis=1), ("[ok]", "[defect]")
    return replace(result_of(score(rows, labels, names, "test"), 0), **chosen)


def test_of_two_classes_it_says_what_is_found_and_what_is_left_alone(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    calls("evaluate", two_classes())
    shown = command("evaluate").stdout
    fits(shown)
    assert "Looking for [defect]" in shown and "answered where it is more probable" in shown
    assert "a guess by the names; tlearn evaluate --positive '[ok]' takes the other" in shown
    rows = {
        line.split("  ")[1]: line for line in shown.splitlines() if "%" in line and " of " in line
    }
    assert "90.0%" in rows["sensitivity"] and "18 of 20" in rows["sensitivity"]
    assert "80.0%" in rows["specificity"] and "16 of 20" in rows["specificity"]
    assert "ROC area" in shown and "Brier score" in shown and "chance alone gives" in shown


def test_a_chosen_threshold_says_why_and_what_it_did_where_it_was_chosen(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    rows, labels = np.stack([1 - np.linspace(0, 1, 8), np.linspace(0, 1, 8)], 1), np.arange(8) // 4
    point = choose_operating_point(rows, labels, ("[ok]", "[defect]"), min_sensitivity=0.95)
    scored = score(rows, labels, ("[ok]", "[defect]"), "test", point=point)
    calls("evaluate", replace(result_of(scored, 0), chosen=point))
    recorded = calls("evaluate", replace(result_of(scored, 0), chosen=point))
    result = command("evaluate", "--min-sensitivity", "95%", "--positive", "[defect]")
    fits(result.stdout)
    words = " ".join(result.stdout.split())
    assert "from a probability of 0.5 on, to find at least 95%" in words
    assert "4 of 4 are found and 4 of 4 left alone" in words
    assert "each class, confusion and limits go by the more probable class" in words
    assert "too few to promise 95%: 80.0% can be expected" in words
    choice = recorded[0][1]["choice"]
    assert (choice.positive, choice.min_sensitivity, choice.cost) == ("[defect]", 0.95, None)
    document = json.loads(command("evaluate", "--json").stdout)
    assert document["operating_point_on_validation"]["sensitivity"]["n"] == 4
    assert document["operating_point"]["positive"] == "[defect]"


def test_two_ways_to_choose_one_threshold_are_refused(
    command: Command, recorded: list[Any]
) -> None:
    result = command("evaluate", "--cost", "10:1", "--min-sensitivity", "0.9")
    assert result.exit_code == 2 and "each choose the threshold" in result.stderr
    assert not recorded


@pytest.fixture
def missed(calls: Callable[..., Any], report: Callable[[str], Report]) -> list[Any]:
    """Two limits, one of them missed."""
    scored = report("test")
    gates = check_gates(scored, Gates(0.95, {"a\nb": 1.0}))
    return calls("evaluate", replace(result_of(scored, 0), gates=gates))


def test_a_missed_limit_exits_1_and_says_by_how_much(
    command: Command, missed: list[Any], fits: Callable[[str], None]
) -> None:
    result = command("evaluate", "--min-accuracy", ".95", "--min-recall", "a\nb=1")
    assert result.exit_code == 1
    fits(result.stdout)
    gates = missed[0][1]["gates"]
    assert gates.min_accuracy == 0.95 and gates.min_recall == {"a\nb": 1}
    assert "1 of 2 limits kept" in result.stdout
    assert "accuracy is 90.0%, 5.0 points below 95%" in result.stderr
    assert "recall" not in result.stderr and "tlearn finetune FOLDER" in result.stderr
    as_json = command("evaluate", "--min-accuracy", ".95", "--json")
    document = json.loads(as_json.stdout)
    assert as_json.exit_code == 1 and document["passed"] is False and not as_json.stderr
    assert [gate["passed"] for gate in document["gates"]] == [False, True]


def test_github_gets_a_line_for_each_limit(command: Command, missed: list[Any]) -> None:
    shown = command("evaluate", "--output", "github").stdout
    lines = [line for line in shown.splitlines() if line.startswith("::")]
    assert [line.split("::")[1] for line in lines] == [
        "error title=tlearn evaluate",
        "notice title=tlearn evaluate",
    ]
    assert "90.0%25, 5.0 points below 95%25" in lines[0]


def test_github_gets_the_accuracy_where_there_is_no_limit(
    command: Command, recorded: list[Any]
) -> None:
    result = command("evaluate", "--output", "github")
    assert result.exit_code == 0
    assert "::notice title=tlearn evaluate::right on 9 of 10 images" in result.stdout


def test_verbose_explains_every_number(
    command: Command, recorded: list[Any], fits: Callable[[str], None]
) -> None:
    short, full = command("evaluate").stdout, command("evaluate", "-v").stdout
    fits(full)
    for words in ("What the numbers mean", "What the probabilities say", "avg. precision"):
        assert words in full and words not in short


def test_probabilities_before_calibration_stand_beside_those_after(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    rng = np.random.default_rng(0)
    before, labels = rng.dirichlet(np.ones(3), 60), rng.integers(3, size=60)
    scored = score(before / 2 + 1 / 6, labels, ("a", "b", "c"), "test", before=before)
    calls("evaluate", result_of(scored, 0))
    shown = command("evaluate", "-v").stdout
    fits(shown)
    assert f"({100 * (scored.ece_before or 0):.1f} before)" in shown
    assert "The same before calibration" in shown
    assert scored.ece_before and scored.ece and scored.ece_before > scored.ece


def test_thresholds_of_classes_are_a_table(
    command: Command, calls: Callable[..., Any], report: Callable[[str], Report]
) -> None:
    thresholds = (
        ClassThreshold("[a]", 0.25, 0.9, 1.0, 0.5, 2 / 3),
        ClassThreshold("b", None, None),
    )
    calls("evaluate", replace(result_of(report("test"), 0), thresholds=thresholds))
    shown = command("evaluate", "--thresholds").stdout
    assert "0.250" in shown and "66.7%" in shown and "chosen on validation images by F1" in shown


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--keep",), "--keep keeps a threshold, and none is chosen"),
        (("--keep", "--thresholds"), "--keep keeps the threshold of two classes, not --thresholds"),
        (("--keep", "--forget", "--cost", "3:1"), "--keep keeps a threshold, and --forget keeps"),
    ],
)
def test_keep_wants_a_threshold(command: Command, flags: tuple[str, ...], message: str) -> None:
    result = command("evaluate", *flags)
    assert result.exit_code == 2 and message in result.stderr


def test_a_point_that_is_kept_says_how_it_is_taken_back(
    command: Command, calls: Callable[..., Any], fits: Callable[[str], None]
) -> None:
    rows, labels = np.array([[0.9, 0.1], [0.3, 0.7]]), np.array([0, 1])
    point = choose_operating_point(rows, labels, ("ok", "bad"), min_sensitivity=0.5)
    report = score(rows, labels, ("ok", "bad"), "test", point=point)
    result = replace(result_of(report, 0), chosen=point, is_kept=True)
    recorded = calls("evaluate", result)
    shown = command("evaluate", "--min-sensitivity", ".5", "--keep").stdout
    fits(shown)
    assert recorded[0][1]["keep"]
    assert "tlearn evaluate runs/newest --forget" in " ".join(shown.split())
    document = json.loads(command("evaluate", "--json").stdout)
    assert document["operating_point_kept"] is True
    calls("evaluate", replace(result, is_kept=False))
    assert "--forget" not in command("evaluate").stdout
    calls("evaluate", replace(result, chosen=None, is_kept=False, forgot=True))
    assert "the more probable class again" in command("evaluate", "--forget").stdout
    assert json.loads(command("evaluate", "--forget", "--json").stdout)["operating_point_forgotten"]
    calls("evaluate", replace(result, chosen=None, is_kept=False, forgot=False))
    assert "no threshold was kept" in command("evaluate", "--forget").stdout
