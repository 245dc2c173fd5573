"""Files of a model with the output `known` give it beside the probabilities, by name."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trained_model import TrainedModel
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.extras import EXTRAS
from tlearn.artifacts.interface import read_interface
from tlearn.artifacts.runtime import run_artifact
from tlearn.artifacts.verification import check_artifact
from tlearn.export.comparison import compare, gate
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact, write_and_check
from tlearn.runs.trained_run import SAMPLE_OF

TARGETS = {
    ("tflite", "none"): 1e-4,
    ("tflite", "int8"): 0.25,
    ("onnx", "none"): 1e-4,
    ("openvino", "none"): 1e-4,
    ("saved_model", "none"): 1e-4,
}
"""How far `known` may be from the model's."""


@pytest.mark.parametrize("target", TARGETS, ids="-".join)
def test_both_outputs_are_found_by_name_and_answer_as_the_model_does(
    known_inputs: ExportInputs, tmp_path: Path, target: tuple[str, str]
) -> None:
    packages = EXTRAS.get(target[0], ())
    if not all(map(find_spec, packages)):
        pytest.skip(f"not installed: {', '.join(packages)}")
    tolerance = TARGETS[target]
    artifact = export_artifact(known_inputs, tmp_path, target)
    assert artifact.passed, artifact.failure
    interface = read_interface(artifact.path)
    assert interface.output.name == "probabilities" and interface.output.shape[-1] == 3
    assert interface.known is not None
    assert interface.known.name == "known" and interface.known.shape[-1] == 1
    answers = run_artifact(artifact.path, known_inputs.check.pixels)
    assert answers.known is not None and known_inputs.expected.known is not None
    np.testing.assert_allclose(answers.known, known_inputs.expected.known, atol=tolerance)
    np.testing.assert_allclose(
        answers.probabilities, known_inputs.expected.probabilities, atol=tolerance
    )
    difference = np.abs(answers.known - known_inputs.expected.known).max()
    assert artifact.known_difference == pytest.approx(difference, abs=1e-6)
    contract, _ = read_contract(artifact.path)
    assert contract.known == interface.known and contract.refuse == known_inputs.refuse
    for golden, image in zip(contract.golden, known_inputs.golden, strict=True):
        assert golden.model_known == pytest.approx(image.answer.known, abs=1e-6)
        assert golden.artifact_known == pytest.approx(golden.model_known, abs=tolerance)
    assert {finding.verdict.value for finding in check_artifact(artifact.path).checks} == {"kept"}


def test_known_keeps_its_weights_when_the_head_is_refitted_for_int8(
    known_inputs: ExportInputs, tmp_path: Path
) -> None:
    before = known_inputs.model.get_weights()
    failed = write_and_check(replace(known_inputs, max_drop=-1.0), tmp_path, ("tflite", "int8"))
    assert failed.head_refitted and failed.agreement > 0.9
    assert failed.known_difference is not None and failed.known_difference < 0.25
    for now, then in zip(known_inputs.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_known_that_is_not_a_number_fails_at_any_drop(known_inputs: ExportInputs) -> None:
    assert known_inputs.expected.known is not None
    broken = replace(known_inputs.expected, known=known_inputs.expected.known.copy())
    broken.known[0] = np.nan
    result = compare(known_inputs, broken)
    assert "1 of 90 images" in gate(result, max_drop=1.0)
    assert result.known_difference == 1.0


@pytest.mark.parametrize("known", [0.0, 1.0])
def test_a_file_that_knows_all_images_or_none_fails(
    known_inputs: ExportInputs, known: float
) -> None:
    expected = known_inputs.expected.known
    assert expected is not None
    collapsed = replace(known_inputs.expected, known=np.full_like(expected, known))
    result = compare(known_inputs, collapsed)
    assert result.accuracy_drop == 0 and "known, how like the training" in gate(result, 1.0)
    assert gate(compare(replace(known_inputs, refuse=0.0), collapsed), 1.0) == ""
    noise = np.random.default_rng(0).normal(0, 0.1, len(expected))
    noisy = replace(collapsed, known=(expected + noise).clip(0.051, 1).astype(np.float32))
    assert gate(compare(known_inputs, noisy), 0.0) == ""


@pytest.mark.parametrize(
    ("source", "promised"),
    [("val", True), (SAMPLE_OF + "val", True), ("test", False), (SAMPLE_OF + "train", False)],
)
def test_sets_are_promised_only_by_images_of_validation(
    known_inputs: ExportInputs, tmp_path: Path, source: str, promised: bool
) -> None:
    inputs = replace(known_inputs, check=replace(known_inputs.check, source=source))
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"))
    contract: Any = read_contract(artifact.path)[0]
    assert contract.confidence.sets == artifact.sets
    assert [sets.level for sets in artifact.sets] == ([0.9, 0.95] if promised else [])
    assert all(sets.n == 90 for sets in artifact.sets)


def test_a_model_with_one_output_promises_sets_but_knows_no_strangers(
    inputs: ExportInputs, tmp_path: Path
) -> None:
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"))
    contract: Any = read_contract(artifact.path)[0]
    assert contract.known is contract.refuse is contract.confidence.known is None
    assert all(golden.artifact_known is golden.model_known is None for golden in contract.golden)
    assert artifact.known_difference is None and artifact.sets


def test_an_int8_file_keeps_the_logits_below_0(knowing: TrainedModel, tmp_path: Path) -> None:
    """They share a scale with the margin, which is above 0: clipped, no class is improbable."""
    artifact = write_and_check(knowing.inputs(), tmp_path, ("tflite", "int8"))
    assert artifact.passed and not artifact.head_refitted
    answers = run_artifact(artifact.path, knowing.pixels)
    least, expected = answers.probabilities.min(axis=1), knowing.probabilities.min(axis=1)
    assert np.median(least) < np.median(expected) + 1 / 256
    assert artifact.known_difference is not None and artifact.known_difference < 0.2
