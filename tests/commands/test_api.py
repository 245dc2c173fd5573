"""The whole road from Python, on drawn pictures and a small real backbone."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn import api
from tlearn.data.decode import decode
from tlearn.data.split import read_manifest
from tlearn.errors import BackboneError, DataError, RecipeError, RunError
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.cache import cache_folder
from tlearn.storage.row_table import KEY_BYTES
from tlearn.storage.text import read_json

RUN_FILES = {
    ".tlearn-run",
    "history.jsonl",
    "labels.txt",
    "metrics.json",
    "model.keras",
    "plan.yaml",
    "report.html",
    "samples",
    "split.csv",
}


@pytest.fixture
def flags(small_weights: Path) -> dict[str, Any]:
    return {"backbone": "mobilenet_025", "weights": str(small_weights), "image_size": 32}


@pytest.fixture
def run(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> Callable[..., api.FinetuneResult]:
    def train(**more: Any) -> api.FinetuneResult:
        folder = image_folder(per_class=20)
        return api.finetune(folder, flags=flags | more, out=tmp_path / "run", overwrite=True)

    return train


def test_suggest_measures_and_explains(
    image_folder: Callable[..., Path], flags: dict[str, Any]
) -> None:
    advice = api.suggest(image_folder(per_class=12), flags=flags)
    assert advice.suggestion.size == "little"
    assert advice.profile is not None and advice.similarity is not None
    assert next(iter(advice.profile.accuracies)) == "stage 1"
    assert advice.profile.best.accuracy > 0.6  # three classes
    assert advice.similarity.source_classes is not None


def test_a_linear_head_run_holds_its_files_and_nothing_else(
    run: Callable[..., api.FinetuneResult],
) -> None:
    outcome = run(policy="linear_head")
    assert outcome.run is not None
    names = {path.name for path in outcome.run.path.iterdir()}
    assert names == RUN_FILES - {"history.jsonl"}
    metrics = read_json(outcome.run.metrics_path)
    assert metrics["test_accuracy"] == outcome.reports["test"].accuracy
    assert metrics["test_accuracy"] > 0.5
    split = read_manifest(outcome.run.split_path)
    assert (split.count("train"), split.count("val"), split.count("test")) == (42, 9, 9)
    plan = read_plan(outcome.run.plan_path)
    assert plan.head.solved_l2 is not None
    assert outcome.run.read_labels() == ("circle", "square", "stripes")


def test_a_solved_head_learns_from_every_view(run: Callable[..., api.FinetuneResult]) -> None:
    clean = run(policy="linear_head")
    seen = run(policy="linear_head", augmentation="medium", views=3)
    assert seen.plan.images.views == 3
    (store,) = (cache_folder() / "features").iterdir()
    n_all = seen.plan.split.n_train + seen.plan.split.n_val + seen.plan.split.n_test
    assert (store / "keys.bin").stat().st_size == KEY_BYTES * (n_all + 2 * seen.plan.split.n_train)
    ours, theirs = (found.reports["test"].log_loss for found in (seen, clean))
    assert ours != theirs


def test_finetune_does_not_cross_validate_again_what_suggest_did(
    image_folder: Callable[..., Path],
    flags: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = image_folder(per_class=20)
    advice = api.suggest(folder, flags=flags)
    monkeypatch.setattr("tlearn.features.features.cross_validate", pytest.fail)
    head = api.finetune(folder, flags=flags | {"policy": "linear_head"}, out=tmp_path / "run")
    assert advice.profile is not None and head.run is not None
    assert read_plan(head.run.plan_path).head.solved_l2 == advice.profile.last.penalty
    monkeypatch.undo()
    weighted = flags | {"policy": "linear_head", "class_weights": True}
    api.finetune(folder, flags=weighted, out=tmp_path / "weighted")  # another question


@pytest.mark.parametrize("policy", ["top_stages", "deep", "from_scratch", "auto"])
def test_every_policy_ends_in_a_run_that_answers(
    run: Callable[..., api.FinetuneResult], flags: dict[str, Any], policy: str
) -> None:
    more: dict[str, Any] = {"policy": policy, "patience": 9}
    if policy == "from_scratch":
        flags["weights"] = None
    if policy != "auto":
        more["epochs"] = 2
    outcome = run(**more)
    assert outcome.run is not None
    assert outcome.plan.policy != "auto"
    _, report = api.evaluate(outcome.run.path)
    assert report.accuracy == pytest.approx(outcome.reports["test"].accuracy)
    assert (outcome.advice is not None) == (policy == "auto")
    if policy != "auto":
        assert len(outcome.run.read_history()) == 3


@pytest.mark.parametrize("head_stages", ["2", "2,4", "best", "last3"])
def test_a_head_reads_any_stage_and_exports_like_any_other(
    run: Callable[..., api.FinetuneResult], head_stages: str
) -> None:
    done = run(policy="linear_head", head_stages=head_stages)
    assert done.run is not None
    deepest = done.plan.head.stages[-1]
    assert len(done.plan.stages) == deepest + 1  # and the head
    _, report = api.evaluate(done.run.path)
    assert report.accuracy == done.reports["test"].accuracy
    (artifact,) = api.export(done.run.path, [("tflite", "none")])
    assert artifact.passed and artifact.agreement == 1


@pytest.mark.parametrize(("head_stages", "first"), [("3", 1), ("last3", 3)])
def test_tuning_takes_a_cut_backbone_and_several_stages(
    head_stages: str, first: int, run: Callable[..., api.FinetuneResult]
) -> None:
    done = run(policy="top_stages", head_stages=head_stages, epochs=1)
    assert done.run is not None and done.plan.training.first_trained_stage == first
    _, report = api.evaluate(done.run.path)
    assert report.accuracy == done.reports["test"].accuracy


def test_advice_is_obeyed_and_a_saved_suggestion_repeats_it(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(per_class=20)
    advice = api.suggest(folder, flags=flags, small=True, save=tmp_path / "s.yaml")
    assert advice.profile is not None and advice.suggestion.policy == "linear_head"
    done = api.finetune(folder, str(tmp_path / "s.yaml"), out=tmp_path / "run")
    assert done.plan.policy == "linear_head"
    assert done.plan.head.stages == advice.profile.smallest.stages
    with pytest.raises(RecipeError, match="already exists"):
        api.suggest(folder, flags=flags, save=tmp_path / "s.yaml")
    planned = api.finetune(folder, flags=flags, dry_run=True)
    assert planned.advice is not None
    suggestion = planned.advice.suggestion
    assert planned.plan.policy == suggestion.policy
    assert planned.plan.origins["head_stages"] == "suggestion"


@pytest.mark.parametrize(
    ("asked", "policies"),
    [
        ({"tuned_stages": 2}, {"top_stages", "deep"}),
        ({"epochs": 2, "head_dropout": 0.1}, {"linear_head", "top_stages", "deep"}),
        ({"epochs": 0}, {"linear_head"}),
    ],
)
def test_advice_keeps_to_what_was_asked(
    image_folder: Callable[..., Path],
    flags: dict[str, Any],
    asked: dict[str, Any],
    policies: set[str],
) -> None:
    planned = api.finetune(image_folder(per_class=20), flags=flags | asked, dry_run=True)
    assert planned.advice is not None
    assert {str(option.policy) for option in planned.advice.options} == policies
    heads = [option for option in planned.advice.options if option.measured]
    assert not any("," in head.head_stages for head in heads if asked.get("epochs"))  # not by steps
    assert planned.plan.policy in policies
    assert {key: planned.plan.value(key) for key in asked} == asked


def test_the_model_of_a_run_is_a_backbone_too(
    run: Callable[..., api.FinetuneResult], image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    first = run(policy="linear_head")
    assert first.run is not None
    own = {"backbone": str(first.run.model_path), "policy": "top_stages", "epochs": 1}
    folder = image_folder(classes=4, per_class=12, name="others")
    outcome = api.finetune(folder, flags=own, out=tmp_path / "second")
    assert outcome.run is not None
    assert outcome.plan.images.image_size == 32
    assert api.export(outcome.run.path, [("tflite", "none")])[0].agreement == 1.0


def test_mixed_precision_ends_in_a_float32_model(run: Callable[..., api.FinetuneResult]) -> None:
    import keras

    outcome = run(policy="deep", precision="mixed_bfloat16", epochs=1)
    assert outcome.run is not None
    model = keras.models.load_model(outcome.run.model_path)
    assert {layer.compute_dtype for layer in model.layers} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"


def test_exports_in_every_mode_agree_and_predictions_come_from_the_model(
    run: Callable[..., api.FinetuneResult],
) -> None:
    outcome = run(policy="linear_head")
    assert outcome.run is not None
    modes = ("none", "float16", "dynamic", "int8", "int8_float")
    wanted = [*(("tflite", mode) for mode in modes), ("saved_model", "none")]
    artifacts = api.export(outcome.run.path, wanted, max_drop=0.5)
    assert [a.quantization for a in artifacts] == [*modes, "none"]
    assert all(a.passed and a.path.exists() and a.size_bytes > 1000 for a in artifacts)
    assert artifacts[0].agreement == 1.0
    from tlearn.artifacts.metadata import read_metadata

    assert read_metadata(artifacts[0].path)["labels"] == outcome.plan.split.classes


def test_what_artefacts_are_held_against_names_its_pictures(
    run: Callable[..., api.FinetuneResult], tmp_path: Path
) -> None:
    outcome = run(policy="linear_head")
    assert outcome.run is not None
    reference = TrainedRun(outcome.run.path, None, api.no_progress).reference()
    for name, pixels, label in zip(reference.names, reference.pixels, reference.truth, strict=True):
        np.testing.assert_array_equal(decode(tmp_path / "pictures" / name, 32, "squash"), pixels)
        assert reference.labels[label] == Path(name).parent.name
    assert reference.int8_note == ""
    assert reference.calibration() is reference.calibration(), "read once for every mode"


def test_predict_answers_good_pictures_and_names_bad_ones(
    run: Callable[..., api.FinetuneResult], image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    outcome = run(policy="linear_head")
    assert outcome.run is not None
    loose = image_folder(classes=3, per_class=4, name="loose")
    (loose / "circle" / "broken.jpg").write_bytes(b"")
    predictions = api.predict(outcome.run.path, [loose])
    assert len(predictions) == 13
    right = [p.label == Path(p.name).parent.name for p in predictions if not p.problem]
    assert np.mean(right) > 0.5
    assert sum(bool(p.problem) for p in predictions) == 1


def test_evaluate_takes_another_folder_with_fewer_classes(
    run: Callable[..., api.FinetuneResult], image_folder: Callable[..., Path]
) -> None:
    outcome = run(policy="linear_head")
    assert outcome.run is not None
    other = image_folder(classes=2, per_class=6, name="other")
    _, report = api.evaluate(outcome.run.path, other)
    assert report.n == 12
    (other / "square").rename(other / "hexagon")
    with pytest.raises(DataError, match="hexagon"):
        api.evaluate(outcome.run.path, other)


def test_train_and_val_alone_report_on_val_and_leave_test_null(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(splits=("train", "val"), per_class=10)
    outcome = api.finetune(folder, flags=flags | {"policy": "linear_head"}, out=tmp_path / "run")
    assert outcome.run is not None
    assert set(outcome.reports) == {"val"}
    assert read_json(outcome.run.metrics_path)["test_accuracy"] is None


def test_tiny_classes_are_cross_validated_instead(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(per_class=6)
    for policy in ("linear_head", "top_stages"):
        asked = flags | {"policy": policy}
        outcome = api.finetune(folder, flags=asked, out=tmp_path / policy)
        assert outcome.run is not None
        assert outcome.plan.split.folds > 0
        assert read_json(outcome.run.metrics_path)["val_accuracy"] is None
        assert api.export(outcome.run.path, [("tflite", "none")])[0].passed


def test_a_dry_run_writes_nothing_and_forecasts(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(per_class=10)
    before = sorted(tmp_path.rglob("*"))
    outcome = api.finetune(folder, flags=flags | {"policy": "top_stages"}, dry_run=True)
    assert outcome.run is None
    assert outcome.forecast_seconds is not None and outcome.forecast_seconds > 0
    assert sorted(tmp_path.rglob("*")) == before


def test_an_existing_run_is_refused_before_any_work(
    run: Callable[..., api.FinetuneResult], image_folder: Callable[..., Path], tmp_path: Path
) -> None:
    run(policy="linear_head")
    before = (tmp_path / "run" / "model.keras").read_bytes()
    with pytest.raises(RunError, match="already holds"):
        api.finetune(image_folder(), flags={"backbone": "nowhere"}, out=tmp_path / "run")
    assert (tmp_path / "run" / "model.keras").read_bytes() == before


def test_faults_come_before_work(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    with pytest.raises(RecipeError):
        api.finetune(image_folder(), flags={"epochs": "ten"})
    with pytest.raises(BackboneError):
        api.finetune(image_folder(), flags=flags | {"weights": str(tmp_path / "none.h5")})
    with pytest.raises(DataError):
        api.suggest(tmp_path / "missing", flags=flags)


def test_no_cache_leaves_nothing_behind(
    image_folder: Callable[..., Path],
    flags: dict[str, Any],
    own_cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    api.suggest(image_folder(), flags=flags, keep_cache=False)
    with pytest.raises(RecipeError):
        api.suggest(image_folder(), flags=flags | {"resize": "bend"}, keep_cache=False)
    assert not list(own_cache.rglob("*")) and not list((tmp_path / "temporary").glob("tlearn-*"))


def test_a_csv_is_a_folder_too(
    image_folder: Callable[..., Path], flags: dict[str, Any], tmp_path: Path
) -> None:
    folder = image_folder(per_class=10)
    rows = [f"{p.relative_to(folder)},{p.parent.name}" for p in sorted(folder.rglob("*.png"))]
    (folder / "labels.csv").write_text("\n".join(["path,label", *rows]))
    asked = flags | {"policy": "linear_head"}
    outcome = api.finetune(folder / "labels.csv", flags=asked, out=tmp_path / "run")
    assert outcome.run is not None
    _, report = api.evaluate(outcome.run.path)
    assert json.dumps(report.to_json())
