"""Good images are learned, bad ones found, and the file says the same, and where."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.target_runs import draw_textures
from tlearn import api
from tlearn.artifacts.runtime import open_runtime
from tlearn.commands.evaluate_targets import TargetEvaluateResult
from tlearn.commands.predict import predict_targets
from tlearn.data.decode import decode
from tlearn.errors import DataError, ExportError, RecipeError

Run = tuple[Path, api.FinetuneResult]


@pytest.fixture
def textures(tmp_path: Path) -> Path:
    return draw_textures(tmp_path / "parts")


@pytest.fixture
def run(textures: Path, tiny_backbone_flags: dict[str, Any], tmp_path: Path) -> Run:
    flags = tiny_backbone_flags | {"task": "one_class", "policy": "auto"}
    return textures, api.finetune(textures, flags=flags, out=tmp_path / "run")


def test_bad_images_are_found_and_shown(run: Run) -> None:
    textures, result = run
    report = result.target_reports["test"]
    assert report.roc_auc > 0.95 and report.n_bad == 8
    assert result.run is not None
    scored = api.evaluate(result.run.path)
    assert isinstance(scored, TargetEvaluateResult)
    assert scored.report.headline() == report.headline()
    (prediction,) = predict_targets(result.run.path, [textures / "patched" / "3.png"])
    assert prediction.labels == ("bad",)
    (artifact,) = api.export(result.run.path, [("tflite", "none")])
    assert artifact.passed and artifact.agreement == 1
    assert api.check(artifact.path).passed
    answer = open_runtime(artifact.path)(decode(textures / "patched" / "3.png", 32, "squash"))
    assert answer.map is not None
    row, column = np.unravel_index(answer.map.argmax(), answer.map.shape)
    assert row < answer.map.shape[0] / 2 <= column


def test_images_are_embedded_by_what_is_compared(run: Run) -> None:
    textures, result = run
    assert result.run is not None
    found = api.embed(result.run.path, [textures], similar=textures / "patched" / "3.png").similar
    assert {Path(image.path).parent.name for image in found} == {"patched"}


def test_a_run_whose_images_are_gone_is_exported_by_those_it_keeps(run: Run) -> None:
    textures, result = run
    assert result.run is not None
    textures.rename(textures.with_name("elsewhere"))
    (artifact,) = api.export(result.run.path, [("tflite", "none")])
    assert artifact.passed and artifact.checked_on == "sample of test"


def test_what_it_cannot_do_is_said(run: Run, tiny_backbone_flags: dict[str, Any]) -> None:
    textures, result = run
    assert result.run is not None
    with pytest.raises(ExportError, match="does not survive steps that coarse") as error:
        api.export(result.run.path, [("tflite", "int8")])
    assert error.value.hint.endswith("--quantize int8_float")
    (artifact,) = api.export(result.run.path, [("tflite", "int8_float")])
    assert artifact.passed and artifact.checked_on == "test"
    flags = tiny_backbone_flags | {"task": "one_class"}
    with pytest.raises(RecipeError, match="policy deep"):
        api.finetune(textures, flags=flags | {"policy": "deep"})
    with pytest.raises(DataError, match="none is advised"):
        api.suggest(textures, flags=flags)
