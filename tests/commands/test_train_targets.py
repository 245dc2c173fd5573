"""Several labels, and a number, are trained, scored, answered and exported like classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.target_runs import labels_table, number_table
from tlearn import api
from tlearn.cli.app import app
from tlearn.commands.evaluate_targets import TargetEvaluateResult
from tlearn.commands.predict import predict_targets
from tlearn.errors import DataError
from tlearn.storage.text import read_json

Made = Callable[[Path], Path]


@pytest.fixture
def train(tiny_backbone_flags: dict[str, Any], tmp_path: Path) -> Callable[..., Any]:
    def make(table: Made, **flags: Any) -> tuple[Path, api.FinetuneResult]:
        source = table(tmp_path / "images")
        result = api.finetune(source, flags=tiny_backbone_flags | flags, out=tmp_path / "run")
        return source, result

    return make


def scored(result: TargetEvaluateResult | api.EvaluateResult) -> TargetEvaluateResult:
    assert isinstance(result, TargetEvaluateResult)
    return result


@pytest.mark.parametrize("flags", [{"policy": "auto"}, {"policy": "deep", "epochs": 2}])
@pytest.mark.parametrize("table", [labels_table, number_table])
def test_a_run_answers_as_it_was_scored_and_so_does_its_file(
    train: Callable[..., Any], table: Made, flags: dict[str, Any]
) -> None:
    source, result = train(table, **flags)
    run = result.run.path
    report = scored(api.evaluate(run)).report
    expected = result.target_reports["test"]
    assert report.to_json().keys() == expected.to_json().keys()
    assert report.headline() == expected.headline()
    (prediction,) = predict_targets(run, [source.parent / "3.png"])
    assert [*prediction.answers] == [*result.plan.split.classes]
    (artifact,) = api.export(run, [("tflite", "none")])
    assert artifact.passed and artifact.agreement == 1 and artifact.largest_difference < 1e-3
    assert api.check(artifact.path).passed
    metrics = read_json(run / "metrics.json")
    assert metrics["task"] == result.plan.task
    assert (run / "report.html").stat().st_size > 5_000


def test_a_solved_head_learns_what_is_in_the_images(train: Callable[..., Any]) -> None:
    _, result = train(number_table, policy="linear_head")
    report = result.target_reports["test"]
    assert report.mae < 0.3 * report.mae_of_median
    assert report.half_width is not None


def test_labels_have_thresholds_and_an_unknown_one_is_left_out(train: Callable[..., Any]) -> None:
    _, result = train(labels_table, policy="linear_head")
    report = result.target_reports["test"]
    assert report.mean_average_precision > report.baseline["mean_average_precision"]
    assert len(result.plan.split.classes) == 2
    known = [row["n_known"] for row in report.per_label]
    assert max(known) == report.n


def test_a_number_of_int8_is_held_against_the_model_in_its_unit(train: Callable[..., Any]) -> None:
    _, result = train(number_table, policy="linear_head")
    options = api.ExportOptions(max_drop=1.0)
    (artifact,) = api.export(result.run.path, [("tflite", "int8")], options=options)
    assert "age is off by" in artifact.unit


def test_a_table_is_scored_and_its_own_images_are_counted(train: Callable[..., Any]) -> None:
    source, result = train(labels_table, policy="linear_head")
    found = scored(api.evaluate(result.run.path, source))
    assert found.scores.trained_on == result.plan.split.n_train + result.plan.split.n_val
    assert found.scores.unseen is not None and found.scores.unseen.n == result.plan.split.n_test


def test_a_table_of_answers_is_written_again(train: Callable[..., Any], tmp_path: Path) -> None:
    source, result = train(number_table, policy="linear_head")
    image = next(source.parent.rglob("*.png"))
    words = ["predict", str(result.run.path), str(image), "--csv", str(tmp_path / "answers.csv")]
    for _ in range(2):
        assert CliRunner().invoke(app, words).exit_code == 0


def test_what_is_made_for_classes_says_so(train: Callable[..., Any]) -> None:
    source, result = train(labels_table, policy="linear_head")
    run = result.run.path
    with pytest.raises(
        DataError, match="--folder cannot be used here: what was learned is several"
    ):
        api.explain_folder(run)
    with pytest.raises(DataError, match="--policies cannot be used here"):
        api.finetune_policies(source, ["linear-head", "deep"])
    with pytest.raises(
        DataError, match="--min-auc cannot be used here: what was learned is several"
    ):
        api.evaluate(run, gates=api.Gates(min_auc=0.5))


def test_suggest_measures_heads_and_forecasts_nothing(
    tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    advice = api.suggest(number_table(tmp_path / "images"), flags=tiny_backbone_flags)
    assert advice.profile is not None and advice.profile.best.accuracy > 0.5
    assert not advice.options and advice.suggestion.policy == "linear_head"


@pytest.mark.parametrize(("prefer", "solved"), [("balanced", False), ("fast", True)])
def test_from_many_images_on_tuning_is_advised_unless_it_has_to_be_fast(
    prefer: str,
    solved: bool,
    tmp_path: Path,
    tiny_backbone_flags: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tlearn.commands.advise_targets.LITTLE", 10)
    flags = tiny_backbone_flags | {"prefer": prefer}
    advice = api.suggest(number_table(tmp_path / "images"), flags=flags)
    assert (advice.suggestion.policy == "linear_head") is solved


@pytest.mark.parametrize(
    ("table", "score"), [(labels_table, "mean_average_precision"), (number_table, "mae")]
)
def test_folds_repeat_the_training_and_report_the_leading_score(
    tiny_backbone_flags: dict[str, Any], tmp_path: Path, table: Made, score: str
) -> None:
    flags = tiny_backbone_flags | {"policy": "linear_head"}
    result = api.finetune(table(tmp_path / "images"), flags=flags, out=tmp_path / "run", folds=3)
    repeats, split = result.repeats, result.plan.split
    assert repeats is not None and repeats.score == score
    assert sum(repeat.n_test for repeat in repeats.each) == split.n_train + split.n_val
    assert repeats.interval is not None and repeats.interval[0] < repeats.mean
    assert read_json(tmp_path / "run" / "metrics.json")["repeats"]["score"] == repeats.score
    assert "Over folds" in (tmp_path / "run" / "report.html").read_text()
