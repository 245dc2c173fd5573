"""What a run holds, and that a model which does not answer as it was scored is never saved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.finished_run import Train
from tlearn import api
from tlearn.commands.save import begin_run, save_run
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.data.manifest import read_manifest
from tlearn.errors import RunError
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RunDirectory
from tlearn.storage.text import read_json

FILES = {
    *(".tlearn-run", "labels.txt", "metrics.json", "model.keras", "plan.yaml", "report.html"),
    *("samples", "split.csv", "predictions.csv", "errors.csv", "figures"),
    *("provenance.json", "request.json", "sha256.json"),
}


def test_a_linear_head_run_holds_its_files_and_nothing_else(finished_run: Path) -> None:
    run = RunDirectory(finished_run)
    assert {path.name for path in run.path.iterdir()} == FILES
    assert {path.suffix for path in run.figures.iterdir()} == {".svg", ".pdf"}
    split = read_manifest(run.split_path)
    assert (split.count("train"), split.count("val"), split.count("test")) == (42, 9, 9)
    plan = read_plan(run.plan_path)
    assert plan.head.solved_l2 is not None
    assert run.read_labels() == ("circle", "square", "stripes")


def test_its_metrics_are_those_of_the_result(train: Train) -> None:
    result, run = train()
    metrics = read_json(run.metrics_path)
    assert metrics["test_accuracy"] == result.reports["test"].accuracy
    assert metrics["val_accuracy"] == result.reports["val"].accuracy
    assert metrics["seconds"]["total"] > 0


@pytest.mark.parametrize("policy", ["linear_head", "top_stages"])
def test_the_report_shows_where_the_model_looks_where_there_is_time(
    run_images: Path,
    tiny_backbone_flags: dict[str, Any],
    tmp_path: Path,
    policy: str,
    converted: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tlearn.commands.save.write_figures", lambda *_: None)
    flags = tiny_backbone_flags | {"policy": policy, "epochs": int(policy != "linear_head")}
    for share, shown in ((1000.0, True), (0.0, False)):
        monkeypatch.setattr("tlearn.commands.save._MAPS_SHARE", share)
        api.finetune(run_images, flags=flags, out=tmp_path / str(share))
        report = (tmp_path / str(share) / "report.html").read_text()
        assert ('class="map"' in report) == shown


@pytest.mark.parametrize("policy", ["linear_head", "top_stages"])
def test_a_model_that_answers_otherwise_when_it_is_read_back_is_an_error(
    run_images: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path, policy: str
) -> None:
    flags = tiny_backbone_flags | {"policy": policy, "epochs": int(policy != "linear_head")}
    run = RunDirectory.create(tmp_path / "run", policy)
    with Session(run_images, None, flags) as session:
        workspace = session.extract_features(session.open_workspace())
        plan = session.make_plan(workspace, session.requested)
        fitted = fit(session, workspace, plan)
        moved = {split: values * 0.99 for split, values in fitted.probabilities.items()}
        begin_run(run, workspace, plan)
        with pytest.raises(RunError, match="an answer moved by"):
            save_run(session, workspace, replace(fitted, probabilities=moved), run)
    assert not run.metrics_path.exists()


def test_what_a_run_holds_lies_in_a_folder_of_its_owner(finished_run: Path) -> None:
    assert finished_run.stat().st_mode & 0o077 == 0
