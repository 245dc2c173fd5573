"""Files with the output `map` say where their answer comes from, and answer as they did without."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from tests.trained_model import build
from tlearn.artifacts.contract_file import contract_path, read_contract
from tlearn.artifacts.extras import EXTRAS
from tlearn.artifacts.interface import read_interface
from tlearn.artifacts.runtime import run_artifact
from tlearn.artifacts.verification import check_artifact
from tlearn.export.comparison import compare, gate
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact, write_and_check

TARGETS = {
    ("tflite", "none"): 1e-4,
    ("tflite", "int8"): 0.2,
    ("onnx", "none"): 1e-4,
    ("openvino", "none"): 1e-4,
    ("saved_model", "none"): 1e-4,
}
"""How far a map may be from the model's."""


def maps_of(model: object, pixels: np.ndarray) -> np.ndarray:
    from tlearn.models.class_map import with_map

    return np.asarray(with_map(model).predict(pixels.astype("float32"), verbose=0)[-1])


@pytest.fixture(scope="module")
def mapping(known_inputs: ExportInputs) -> ExportInputs:
    """A model with `known` as an export with maps takes it."""
    maps = maps_of(known_inputs.model, np.asarray(known_inputs.check.pixels))
    return replace(known_inputs, expected=replace(known_inputs.expected, maps=maps))


@pytest.mark.parametrize("stages", [1, 2])
def test_a_map_has_the_logit_of_the_answer_for_its_average(stages: int) -> None:
    import keras

    from tlearn.models.classifier import build_classifier, set_head

    rng = np.random.default_rng(0)
    trunk = keras.Model((whole := build()).inputs, whole.get_layer("embedding").input)
    features = [layer.output for layer in trunk.layers if "max_pooling" in layer.name]
    model = build_classifier(trunk, 3, features=features[-stages:])
    width = model.get_layer("head").input.shape[-1]
    set_head(model, rng.normal(size=(width, 3)), rng.normal(size=3))
    pixels = rng.integers(0, 256, (9, 32, 32, 3))
    logits = keras.Model(model.inputs[0], model.get_layer("head").output)
    maps = maps_of(model, pixels)
    assert maps.shape == (9, *features[-stages].shape[1:3])
    largest = logits.predict(pixels.astype("float32"), verbose=0).max(axis=1)
    np.testing.assert_allclose(maps.mean(axis=(1, 2)), largest, atol=1e-5)


@pytest.mark.parametrize("target", TARGETS, ids="-".join)
def test_a_file_has_the_map_of_the_model_and_the_answers_of_a_file_without(
    mapping: ExportInputs, known_inputs: ExportInputs, tmp_path: Path, target: tuple[str, str]
) -> None:
    packages = EXTRAS.get(target[0], ())
    if not all(map(find_spec, packages)):
        pytest.skip(f"not installed: {', '.join(packages)}")
    artifact = export_artifact(mapping, tmp_path / "with", target)
    assert artifact.passed, artifact.failure
    assert artifact.map_difference is not None and artifact.map_difference < TARGETS[target]
    contract, _ = read_contract(artifact.path)
    assert contract.map == read_interface(artifact.path).map
    assert contract.map is not None and contract.map.shape[1:] == (8, 8)
    assert {check.verdict.value for check in check_artifact(artifact.path).checks} == {"kept"}
    plain = write_and_check(known_inputs, tmp_path, target).path
    with_map, without = (
        run_artifact(path, mapping.check.pixels) for path in (artifact.path, plain)
    )
    assert with_map.maps is not None and without.maps is None
    np.testing.assert_allclose(with_map.probabilities, without.probabilities, atol=1e-6)
    np.testing.assert_allclose(with_map.known, without.known, atol=1e-6)


def test_a_map_that_is_not_the_models_fails_and_is_noticed_on_another_machine(
    mapping: ExportInputs, tmp_path: Path
) -> None:
    assert mapping.expected.maps is not None
    other = replace(mapping.expected, maps=mapping.expected.maps.transpose(0, 2, 1))
    assert "maps differ" in gate(compare(mapping, other), max_drop=1.0)
    path = export_artifact(mapping, tmp_path, ("onnx", "none")).path
    contract, _ = read_contract(path)
    (first, *_) = contract.golden[0].artifact_map or ()
    text = contract_path(path).read_text().replace(f"[{first},", f"[{first + 9},", 1)
    contract_path(path).write_text(text)
    assert check_artifact(path).named("broken") == ["answers"]


def test_the_map_of_a_refitted_int8_file_is_that_of_its_own_head(
    mapping: ExportInputs, tmp_path: Path
) -> None:
    failed = write_and_check(replace(mapping, max_drop=-1.0), tmp_path, ("tflite", "int8"))
    assert failed.head_refitted and failed.map_difference is not None
    assert failed.map_difference < 0.25
