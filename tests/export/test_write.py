"""Writing one artifact: checked, refitted where int8 fails, with a contract where it passes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tlearn.artifacts.contract_file import contract_path, read_contract
from tlearn.artifacts.least_runtime import least_runtime
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import (
    export_artifact,
    needs_calibration,
    step_label,
    write_and_check,
)


def test_only_int8_needs_images() -> None:
    assert needs_calibration([("tflite", "none"), ("tflite", "int8")])
    assert not needs_calibration([("tflite", "float16"), ("onnx", "none")])


def test_steps_are_named_by_format_and_mode() -> None:
    assert step_label(("tflite", "none")) == "export tflite"
    assert step_label(("tflite", "int8")) == "export tflite int8"


def test_an_int8_file_that_fails_is_written_again_with_another_head(
    inputs: ExportInputs, tmp_path: Path
) -> None:
    head = inputs.model.get_layer("head").get_weights()
    failed = write_and_check(replace(inputs, max_drop=-1.0), tmp_path, ("tflite", "int8"))
    assert failed.head_refitted and not failed.passed and ".failed" in failed.path.name
    after = inputs.model.get_layer("head").get_weights()
    assert all((a == b).all() for a, b in zip(after, head, strict=True))


def test_an_artifact_that_passes_has_its_contract(inputs: ExportInputs, tmp_path: Path) -> None:
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"))
    assert artifact.passed and not artifact.head_refitted
    assert contract_path(artifact.path).is_file()
    assert (artifact.n_checked, artifact.checked_on) == (len(inputs.check.labels), "val")


def test_the_contract_says_which_runtime_a_file_needs(inputs: ExportInputs, tmp_path: Path) -> None:
    artifact = export_artifact(inputs, tmp_path, ("tflite", "float16"))
    assert artifact.runtime == read_contract(artifact.path)[0].runtime
    assert artifact.runtime == least_runtime(artifact.path) != ""
    folder = export_artifact(inputs, tmp_path, ("saved_model", "none"))
    assert folder.runtime == "" and read_contract(folder.path)[0].runtime is None


def test_a_file_that_the_runtime_on_the_device_refuses_is_not_written(
    inputs: ExportInputs, tmp_path: Path
) -> None:
    old = replace(inputs, for_runtime="1.2")
    with pytest.raises(ExportError, match="needs TensorFlow Lite") as error:
        export_artifact(old, tmp_path, ("tflite", "none"))
    # What was typed would fail again.
    assert error.value.hint.endswith("--for-runtime 1.6.0")
    with pytest.raises(ExportError) as error:
        export_artifact(old, tmp_path, ("tflite", "float16"))
    assert error.value.hint.endswith("--for-runtime 1.2")
    assert not list(tmp_path.iterdir())
    new = replace(inputs, for_runtime="2.14")
    assert export_artifact(new, tmp_path, ("tflite", "float16")).passed
