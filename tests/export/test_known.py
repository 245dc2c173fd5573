"""Files of a model with the output `known` give it beside the probabilities, by name."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from tests.trained_model import TrainedModel, build, draw
from tlearn.artifacts.contract_file import read_contract
from tlearn.artifacts.extras import EXTRAS
from tlearn.artifacts.interface import read_interface
from tlearn.artifacts.runtime import run_artifact
from tlearn.artifacts.verification import check_artifact
from tlearn.confidence.answers import Answers
from tlearn.confidence.novelty import fit_novelty, fit_subspace, logits_of, margins
from tlearn.export.comparison import compare, gate
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact, write_and_check
from tlearn.features.linear_head import centered
from tlearn.models.classifier import HEAD, set_head
from tlearn.models.known import known_embedding, pooled_widths, set_known, with_known
from tlearn.runs.trained_run import SAMPLE_OF

AXES = 3
TARGETS = {
    ("tflite", "none"): 1e-4,
    ("tflite", "int8"): 0.25,
    ("onnx", "none"): 1e-4,
    ("openvino", "none"): 1e-4,
    ("saved_model", "none"): 1e-4,
}
"""How far `known` may be from the model's."""


def two_outputs(trained: TrainedModel) -> keras.Model:
    classifier = build()
    classifier.set_weights(trained.model.get_weights())
    set_head(classifier, *map(centered, trained.model.get_layer(HEAD).get_weights()))
    maps = [layer.output for layer in classifier.layers if isinstance(layer, keras.layers.ReLU)]
    model = with_known(classifier, maps, AXES)
    embedding, (others, _) = known_embedding(model), draw(90, seed=7)
    features = embedding.predict_on_batch(trained.train_pixels.astype("float32"))
    subspace = fit_subspace(features, pooled_widths(model), AXES)
    held_out = others.astype("float32")
    residuals = subspace.residuals(embedding.predict_on_batch(held_out))
    own = margins(logits_of(trained.model.predict_on_batch(held_out)))
    set_known(model, fit_novelty(subspace, own, residuals, "val"))
    return model


@pytest.fixture(scope="module")
def both(trained: TrainedModel) -> ExportInputs:
    """A model with two outputs as an export takes it; the last check images are strangers."""
    model = two_outputs(trained)
    pixels = trained.pixels.copy()
    pixels[80:] = np.random.default_rng(0).integers(0, 2, (10, 8, 8, 3)).repeat(4, 1).repeat(4, 2)
    pixels[80:] *= 255
    probabilities, known = model.predict_on_batch(pixels.astype("float32"))
    expected = Answers(probabilities, known[:, 0])
    assert expected.known is not None and np.median(expected.known[:80]) > 0.3
    assert np.median(expected.known[80:]) < 0.05
    inputs = trained.inputs(pixels)
    rows = [np.flatnonzero((pixels == image.pixels).all((1, 2, 3)))[0] for image in inputs.golden]
    answers = list(expected)
    golden = [
        replace(image, answer=answers[row]) for image, row in zip(inputs.golden, rows, strict=True)
    ]
    return replace(inputs, model=model, expected=expected, golden=golden)


@pytest.mark.parametrize("target", TARGETS, ids="-".join)
def test_both_outputs_are_found_by_name_and_answer_as_the_model_does(
    both: ExportInputs, tmp_path: Path, target: tuple[str, str]
) -> None:
    packages = EXTRAS.get(target[0], ())
    if not all(map(find_spec, packages)):
        pytest.skip(f"not installed: {', '.join(packages)}")
    tolerance = TARGETS[target]
    artifact = export_artifact(both, tmp_path, target, 0.05)
    assert artifact.passed, artifact.failure
    interface = read_interface(artifact.path)
    assert interface.output.name == "probabilities" and interface.output.shape[-1] == 3
    assert interface.known is not None
    assert interface.known.name == "known" and interface.known.shape[-1] == 1
    answers = run_artifact(artifact.path, both.check.pixels)
    assert answers.known is not None and both.expected.known is not None
    np.testing.assert_allclose(answers.known, both.expected.known, atol=tolerance)
    np.testing.assert_allclose(answers.probabilities, both.expected.probabilities, atol=tolerance)
    difference = np.abs(answers.known - both.expected.known).max()
    assert artifact.known_difference == pytest.approx(difference, abs=1e-6)
    contract, _ = read_contract(artifact.path)
    assert contract.known == interface.known and contract.refuse == both.refuse
    for golden, image in zip(contract.golden, both.golden, strict=True):
        assert golden.model_known == pytest.approx(image.answer.known, abs=1e-6)
        assert golden.artifact_known == pytest.approx(golden.model_known, abs=tolerance)
    assert {finding.verdict.value for finding in check_artifact(artifact.path).checks} == {"kept"}


def test_known_keeps_its_weights_when_the_head_is_refitted_for_int8(
    both: ExportInputs, tmp_path: Path
) -> None:
    before = both.model.get_weights()
    failed = write_and_check(both, tmp_path, ("tflite", "int8"), -1.0)  # nothing passes
    assert failed.head_refitted and failed.agreement > 0.9
    assert failed.known_difference is not None and failed.known_difference < 0.25
    for now, then in zip(both.model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_known_that_is_not_a_number_fails_at_any_drop(both: ExportInputs) -> None:
    assert both.expected.known is not None
    broken = replace(both.expected, known=both.expected.known.copy())
    broken.known[0] = np.nan
    result = compare(both, broken)
    assert "1 of 90 images" in gate(result, max_drop=1.0)
    assert result.known_difference == 1.0


@pytest.mark.parametrize(
    ("source", "promised"),
    [("val", True), (SAMPLE_OF + "val", True), ("test", False), (SAMPLE_OF + "train", False)],
)
def test_sets_are_promised_only_by_images_of_validation(
    both: ExportInputs, tmp_path: Path, source: str, promised: bool
) -> None:
    inputs = replace(both, check=replace(both.check, source=source))
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"), 0.05)
    contract: Any = read_contract(artifact.path)[0]
    assert contract.confidence.sets == artifact.sets
    assert [sets.level for sets in artifact.sets] == ([0.9, 0.95] if promised else [])
    assert all(sets.n == 90 for sets in artifact.sets)


def test_a_model_with_one_output_promises_sets_but_knows_no_strangers(
    inputs: ExportInputs, tmp_path: Path
) -> None:
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"), 0.05)
    contract: Any = read_contract(artifact.path)[0]
    assert contract.known is contract.refuse is contract.confidence.known is None
    assert all(golden.artifact_known is golden.model_known is None for golden in contract.golden)
    assert artifact.known_difference is None and artifact.sets
