"""Every artifact that passed has a contract beside it, inside it, and golden images."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts.contract_file import contract_path, from_bytes, read_contract
from tlearn.artifacts.extras import EXTRAS
from tlearn.artifacts.files import artifact_digest
from tlearn.artifacts.metadata import read_metadata
from tlearn.artifacts.runtime import run_artifact
from tlearn.artifacts.verification import check_artifact
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact, write_and_check
from tlearn.runs.trained_run import SAMPLE_OF


def export(inputs: ExportInputs, folder: Path, mode: str = "none") -> Any:
    return export_artifact(inputs, folder, ("tflite", mode))


@pytest.mark.parametrize("mode", ["none", "int8"])
def test_a_file_and_its_contract(inputs: ExportInputs, tmp_path: Path, mode: str) -> None:
    artifact = export(inputs, tmp_path, mode)
    contract, beside = read_contract(artifact.path)
    assert beside and contract.file == artifact.path.name
    assert contract.sha256 == hashlib.sha256(artifact.path.read_bytes()).hexdigest()
    assert contract.labels == tuple(inputs.class_names)
    assert contract.quantization == mode and contract.provenance == {"model": "1"}
    byte = mode == "int8"
    assert contract.input.dtype == contract.output.dtype == ("uint8" if byte else "float32")
    assert (contract.input.scale, contract.input.zero_point) == ((1, 0) if byte else (None, None))
    assert contract.output.scale == (1 / 256 if byte else None)
    assert contract.input.shape == (1, 32, 32, 3) and contract.input.name == "image"
    assert contract.output.shape == (1, 3) and contract.output.name == "probabilities"
    assert artifact.size_bytes == artifact.path.stat().st_size
    assert artifact.n_checked == len(inputs.check.labels) and artifact.checked_on == "val"
    for golden, image in zip(contract.golden, inputs.golden, strict=True):
        assert (tmp_path / "golden" / golden.file).read_bytes() == image.content
        (answer,) = run_artifact(artifact.path, image.pixels[np.newaxis]).probabilities
        np.testing.assert_allclose(golden.artifact_probabilities or (), answer, atol=1e-6)
        expected = image.answer.probabilities
        np.testing.assert_allclose(golden.model_probabilities, expected, atol=1e-6)


def test_it_is_inside_too_and_the_model_stays_as_it_was_checked(
    inputs: ExportInputs, tmp_path: Path
) -> None:
    bare = write_and_check(inputs, tmp_path / "bare", ("tflite", "none"))
    artifact = export(inputs, tmp_path)
    with zipfile.ZipFile(artifact.path) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["labels.txt", "about.json", "contract.json"]
        inside = from_bytes(archive.read("contract.json"), "inside")
        length = archive.infolist()[0].header_offset
    assert inside == read_contract(artifact.path)[0].embedded()
    assert read_metadata(artifact.path)["labels"] == tuple(inputs.class_names)
    assert artifact.path.read_bytes()[:length] == bare.path.read_bytes()[:length]


def test_bytes_are_reproducible(inputs: ExportInputs, tmp_path: Path) -> None:
    paths = [export(inputs, tmp_path / name).path for name in "ab"]
    for files in (paths, [contract_path(path) for path in paths]):
        assert files[0].read_bytes() == files[1].read_bytes()


def test_a_saved_model_has_one_beside_it(inputs: ExportInputs, tmp_path: Path) -> None:
    export_artifact(inputs, tmp_path, ("saved_model", "none"))
    contract, _ = read_contract(tmp_path / "saved_model")
    assert (tmp_path / "saved_model.contract.json").is_file()
    assert contract.sha256 == artifact_digest(tmp_path / "saved_model")
    assert contract.input.shape == (None, 32, 32, 3)


def test_a_failed_file_has_none_and_loses_the_old_one(inputs: ExportInputs, tmp_path: Path) -> None:
    export(inputs, tmp_path)
    assert (tmp_path / "model.contract.json").is_file()
    artifact = export(replace(inputs, max_drop=-1.0), tmp_path)
    assert not artifact.passed and not list(tmp_path.glob("*.contract.json"))


def test_the_contract_of_a_run_without_samples_has_everything_else(
    inputs: ExportInputs, tmp_path: Path
) -> None:
    check = replace(inputs.check, source=SAMPLE_OF + "val")
    artifact = export(replace(inputs, golden=(), check=check), tmp_path)
    document = json.loads((tmp_path / "model.contract.json").read_text())
    assert document["golden"] == [] and document["labels"] == list(inputs.class_names)
    assert not (tmp_path / "golden").exists()
    assert artifact.checked_on == "sample of val"


@pytest.mark.parametrize("format", ["onnx", "openvino"])
def test_other_formats_keep_a_contract_too(
    inputs: ExportInputs, tmp_path: Path, format: str
) -> None:
    if not all(map(find_spec, EXTRAS[format])):
        pytest.skip(f"tlearn[{format}] is not installed")
    artifact = export_artifact(inputs, tmp_path, (format, "none"))
    checked = check_artifact(artifact.path)
    assert {finding.verdict.value for finding in checked.checks} == {"kept"}
    assert checked.contract.input.shape == (None, 32, 32, 3)
    assert contract_path(artifact.path).name == f"{artifact.path.name}.contract.json"
