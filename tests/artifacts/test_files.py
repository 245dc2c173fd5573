"""What can be an artifact, which files belong to it, and their digest."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tlearn.artifacts.files import (
    artifact_digest,
    artifact_size_bytes,
    ensure_artifact,
    parts_of,
)
from tlearn.errors import ExportError, HostError


def test_a_missing_file_and_a_contract_are_no_artifacts(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"missing\.tflite' does not exist"):
        ensure_artifact(tmp_path / "missing.tflite")
    (tmp_path / "model.contract.json").touch()
    with pytest.raises(ExportError, match="is a contract"):
        ensure_artifact(tmp_path / "model.contract.json")


def test_a_folder_without_artifacts_is_no_saved_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, Path()):
        with pytest.raises(ExportError, match="no SavedModel"):
            ensure_artifact(folder)


def test_a_folder_of_artifacts_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "export" / "saved_model").mkdir(parents=True)
    for name in ("model.onnx", "model.onnx.contract.json", "saved_model.contract.json"):
        (tmp_path / "export" / name).touch()
    with pytest.raises(ExportError, match="folder of artifacts") as error:
        ensure_artifact(tmp_path)
    monkeypatch.chdir(tmp_path.parent)  # a path that can be pasted, from wherever one is
    with pytest.raises(ExportError, match="folder of artifacts") as error:
        ensure_artifact(tmp_path)
    folder = f"{tmp_path.name}/export"
    assert error.value.hint == f"name one of them: '{folder}/model.onnx', '{folder}/saved_model'"
    ensure_artifact(tmp_path / "export" / "model.onnx")
    ensure_artifact(tmp_path / "export" / "saved_model")  # damaged, but it has a contract


def test_openvino_has_its_weights_in_a_second_file(tmp_path: Path) -> None:
    graph, weights = parts_of(tmp_path / "model.xml")
    graph.write_bytes(b"12345")
    assert artifact_size_bytes(graph) == 5
    alone = artifact_digest(graph)
    weights.write_bytes(b"123")
    assert artifact_size_bytes(graph) == 8
    assert artifact_digest(graph) != alone
    assert parts_of(tmp_path / "model.onnx") == [tmp_path / "model.onnx"]


def test_digest_of_a_directory_is_that_of_names_and_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "variables").mkdir(parents=True)
        (tmp_path / name / "variables" / "data").write_text("weights")
        (tmp_path / name / "graph.pb").write_text("graph")
    digest = artifact_digest(tmp_path / "a")
    assert digest == artifact_digest(tmp_path / "b")
    (tmp_path / "b" / "graph.pb").rename(tmp_path / "b" / "other.pb")
    assert digest != artifact_digest(tmp_path / "b")
    (tmp_path / "a" / "graph.pb").write_text("grape")
    assert digest != artifact_digest(tmp_path / "a")
    assert artifact_size_bytes(tmp_path / "a") == len("weights") + len("grape")


def test_an_artifact_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    with path.open("wb") as file:
        file.truncate(40_000_000_000)
    with pytest.raises(ExportError, match="has 40,000 MB, more than 2,147 MB"):
        ensure_artifact(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes in this system's folders")
def test_pipes_are_no_part_of_an_artifact(tmp_path: Path) -> None:
    (tmp_path / "saved_model" / "variables").mkdir(parents=True)
    (tmp_path / "model.xml").touch()
    for name in ("model.tflite", "model.bin", "saved_model/saved_model.pb"):
        os.mkfifo(tmp_path / name)
    for name in ("model.tflite", "model.xml", "saved_model"):
        with pytest.raises(HostError, match="is a device or a pipe"):
            ensure_artifact(tmp_path / name)
