"""A folder becomes a run, by every way in: folder, CSV, ready-made splits, another run's model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.finished_run import Train
from tlearn import api
from tlearn.errors import DataError, RunError
from tlearn.storage.text import read_json


def test_what_suggest_has_cross_validated_is_reused(
    run_images: Path,
    tiny_backbone_flags: dict[str, Any],
    train: Train,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    advice = api.suggest(run_images, flags=tiny_backbone_flags)
    with monkeypatch.context() as patch:
        patch.setattr("tlearn.features.features.cross_validate", pytest.fail)
        result, _ = train()
    assert advice.profile is not None
    assert result.plan.head.solved_l2 == advice.profile.last.penalty
    train(name="weighted", class_weights=True)  # another question


def test_the_model_of_a_run_is_a_backbone_too(
    finished_run: Path, train: Train, image_folder: Callable[..., Path]
) -> None:
    folder = image_folder(classes=4, per_class=12, name="others")
    result, run = train(
        folder, "second", backbone=str(finished_run / "model.keras"), policy="top_stages", epochs=1
    )
    assert result.plan.images.image_size == 32
    assert api.export(run.path, [("tflite", "none")])[0].agreement == 1.0


def test_train_and_val_alone_report_on_val_and_leave_test_null(
    image_folder: Callable[..., Path], train: Train
) -> None:
    result, run = train(image_folder(splits=("train", "val"), per_class=10))
    assert set(result.reports) == {"val"}
    assert read_json(run.metrics_path)["test_accuracy"] is None


@pytest.mark.parametrize("policy", ["linear_head", "top_stages"])
def test_tiny_classes_are_cross_validated_instead(
    image_folder: Callable[..., Path], train: Train, policy: str
) -> None:
    result, run = train(image_folder(per_class=6), policy=policy)
    assert result.plan.split.folds > 0
    assert read_json(run.metrics_path)["val_accuracy"] is None
    assert api.export(run.path, [("tflite", "none")])[0].passed


def test_a_dry_run_writes_nothing_and_forecasts(
    run_images: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path
) -> None:
    flags = tiny_backbone_flags | {"policy": "top_stages"}
    planned = api.finetune(run_images, flags=flags, out=tmp_path / "run", dry_run=True)
    assert planned.run is None and not list(tmp_path.iterdir())
    assert planned.forecast_seconds


def test_only_settings_other_than_usual_void_the_forecast(
    run_images: Path, tiny_backbone_flags: dict[str, Any], converted: None
) -> None:
    def unusual(**own: Any) -> tuple[str, ...]:
        flags = tiny_backbone_flags | own
        planned = api.finetune(run_images, flags=flags, dry_run=True)
        assert (planned.option is None) == bool(planned.unusual_keys)
        return planned.unusual_keys

    assert unusual() == unusual(seed=0, learning_rate="auto") == ()
    assert unusual(epochs=3) == ("epochs",)
    assert unusual(augmentation="strong") == ("augmentation",)


def test_an_existing_run_is_refused_before_any_work(
    finished_run: Path, image_folder: Callable[..., Path]
) -> None:
    before = (finished_run / "model.keras").read_bytes()
    with pytest.raises(RunError, match="already holds"):
        api.finetune(image_folder(), flags={"backbone": "nowhere"}, out=finished_run)
    assert (finished_run / "model.keras").read_bytes() == before


def test_a_missing_folder_leaves_no_run(
    tmp_path: Path, tiny_backbone_flags: dict[str, Any]
) -> None:
    with pytest.raises(DataError):
        api.finetune(tmp_path / "missing", flags=tiny_backbone_flags, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


def test_a_csv_is_a_folder_too(image_folder: Callable[..., Path], train: Train) -> None:
    folder = image_folder(per_class=10)
    rows = [f"{p.relative_to(folder)},{p.parent.name}" for p in sorted(folder.rglob("*.png"))]
    (folder / "labels.csv").write_text("\n".join(["path,label", *rows]))
    _, run = train(folder / "labels.csv")
    report = api.evaluate(run.path).report
    assert json.dumps(report.to_json())
