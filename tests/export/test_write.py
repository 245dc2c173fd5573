"""Writing one artifact: checked, refitted where int8 fails, with a contract where it passes."""

from __future__ import annotations

from pathlib import Path

from tlearn.artifacts.contract_file import contract_path
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
    failed = write_and_check(inputs, tmp_path, ("tflite", "int8"), -1.0)  # nothing passes
    assert failed.head_refitted and not failed.passed and ".failed" in failed.path.name
    after = inputs.model.get_layer("head").get_weights()
    assert all((a == b).all() for a, b in zip(after, head, strict=True))


def test_an_artifact_that_passes_has_its_contract(inputs: ExportInputs, tmp_path: Path) -> None:
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"), 0.5)
    assert artifact.passed and not artifact.head_refitted
    assert contract_path(artifact.path).is_file()
    assert (artifact.n_checked, artifact.checked_on) == (len(inputs.check.labels), "val")
