"""An exported file of labels, a number or good images scores images, and answers loose ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.target_runs import DRAWN
from tlearn import api
from tlearn.commands.evaluate_targets import TargetEvaluateResult
from tlearn.commands.predict import predict_targets
from tlearn.errors import DataError
from tlearn.evaluation.target_scores import TargetScores

TargetRun = Callable[[str], Path]


def exported(run: Path) -> Path:
    (artifact,) = api.export(run, [("tflite", "none")])
    return artifact.path


@pytest.mark.parametrize("task", [*DRAWN])
def test_a_file_scores_as_its_run_does(target_run: TargetRun, tmp_path: Path, task: str) -> None:
    run, source = target_run(task), DRAWN[task](tmp_path / "images")
    file = exported(run)
    checked, evaluated = api.check(file, source).scores, api.evaluate(run, source)
    assert isinstance(checked, TargetScores) and isinstance(evaluated, TargetEvaluateResult)
    assert checked.report.in_words() == evaluated.report.in_words()
    assert checked.trained_on == evaluated.scores.trained_on
    assert checked.unseen is not None and checked.report.n_groups == evaluated.report.n_groups
    moved = file.rename(tmp_path / file.name)
    alone = api.check(moved, source).scores
    assert alone is not None and alone.trained_on is None


@pytest.mark.parametrize("task", [*DRAWN])
def test_loose_images_are_answered_as_predict_does(
    target_run: TargetRun, tmp_path: Path, task: str
) -> None:
    run, source = target_run(task), DRAWN[task](tmp_path / "images")
    image = next((source if source.is_dir() else source.parent).rglob("*.png"))
    (found,), (expected,) = api.check(exported(run), image).targets, predict_targets(run, [image])
    assert found.labels == expected.labels
    assert [*found.answers.values()] == pytest.approx([*expected.answers.values()], abs=1e-3)


def test_folders_are_labeled_where_they_are_called_what_is_answered(
    target_run: TargetRun, tmp_path: Path
) -> None:
    files = {task: exported(target_run(task)) for task in ("labels", "number")}
    loose = DRAWN["one_class"](tmp_path / "images")
    assert all(api.check(file, loose).targets for file in files.values())
    (loose / "good").rename(loose / "circle")
    (loose / "patched").rename(loose / "30,5")
    with pytest.raises(DataError, match="30,5"):
        api.check(files["labels"], loose)
    with pytest.raises(DataError, match="'circle' in"):
        api.check(files["number"], loose)
    (loose / "circle").rename(loose / "20")
    scores = api.check(files["number"], loose).scores
    assert isinstance(scores, TargetScores) and scores.report.n == 48
