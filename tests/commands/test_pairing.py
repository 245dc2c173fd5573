"""Runs of labels, of a number and of good images beside each other, on the same images."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.target_runs import DRAWN
from tlearn.commands.compare import compare
from tlearn.commands.compare_page import verdicts, write_page
from tlearn.commands.pairing import pair
from tlearn.errors import RunError
from tlearn.runs.contents import seal
from tlearn.runs.directory import RunDirectory

TargetRun = Callable[[str], Path]


def worse(run: Path) -> Path:
    """A copy of a run whose answers are those of other images."""
    copy = Path(shutil.copytree(run, run.with_name(f"{run.name}-worse")))
    path = RunDirectory(copy).predictions_path
    with path.open(newline="") as file:
        header, *rows = csv.reader(file)
    answers = range(3, len(header), 2)
    moved = np.roll([[row[column] for column in answers] for row in rows], 3, axis=0)
    for row, other in zip(rows, moved.tolist(), strict=True):
        for column, value in zip(answers, other, strict=True):
            row[column] = value
    path.write_text("\n".join(",".join(row) for row in [header, *rows]) + "\n")
    seal(RunDirectory(copy))
    return copy


@pytest.mark.parametrize("task", [*DRAWN])
def test_a_run_with_worse_answers_is_worse(
    target_run: TargetRun, tmp_path: Path, task: str
) -> None:
    run = target_run(task)
    comparison = compare([run, worse(run)])
    first, other = comparison.paired
    assert first.gain == 0 and first.interval == (0, 0) and not first.is_clear
    assert other.interval[0] < other.gain < other.interval[1] and other.gain < 0
    assert comparison.best.path == run and comparison.n_common == comparison.runs[0].report.n
    headline = comparison.runs[0].report.to_json()
    key = {"labels": "mean_average_precision", "number": "mae", "one_class": "roc_auc"}[task]
    assert first.accuracy == pytest.approx(headline[key], rel=1e-3)
    assert [row.name for row in comparison.classes] == (
        ["circle", "square"] if task == "labels" else []
    )
    (sentence,) = verdicts(comparison)
    assert ("cannot be told apart" in sentence) != other.is_clear
    write_page(tmp_path / "page.html", comparison)
    assert "<h2>Accuracy</h2>" not in (tmp_path / "page.html").read_text()


def test_runs_of_different_tasks_are_not_compared(target_run: TargetRun) -> None:
    with pytest.raises(RunError, match=r"learned labels and .* learned number"):
        compare([target_run("labels"), target_run("number")])


def test_what_only_one_answers_right_is_counted() -> None:
    before, after = np.array([True, True, False, False]), np.array([True, False, True, True])
    row = pair(before, after, list("abcd"))
    assert (row.won, row.lost, row.gain, row.accuracy) == (2, 1, 0.25, 0.75)
