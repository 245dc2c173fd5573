"""A good file passes; every way to spoil it is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.artifacts import golden
from tlearn.artifacts.contract import contract_path
from tlearn.artifacts.verification import Verdict, VerificationReport, check_artifact
from tlearn.commands.check import check
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact


@pytest.fixture(scope="module")
def exported(inputs: ExportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for mode in ("none", "int8"):
        export_artifact(inputs, folder, ("tflite", mode), 0.5)
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(exported, tmp_path / "export"))


def broken(checked: VerificationReport) -> list[str]:
    return [check.name for check in checked.checks if check.verdict is Verdict.BROKEN]


def verdicts(checked: VerificationReport) -> dict[str, str]:
    return {check.name: check.verdict.value for check in checked.checks}


def edit(artifact: Path, change: Any) -> None:
    path = contract_path(artifact)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("name", ["model.tflite", "model_int8.tflite"])
def test_a_good_file_keeps_every_promise(folder: Path, name: str) -> None:
    checked = check_artifact(folder / name)
    assert checked.passed and checked.beside
    assert set(verdicts(checked).values()) == {"kept"}
    names = ["file", "labels", "input", "output", "golden pictures", "decoder", "answers"]
    assert list(verdicts(checked)) == names


def test_a_tampered_file_is_not_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "model.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    monkeypatch.setattr("tlearn.artifacts.verification.open_runtime", pytest.fail)
    checked = check_artifact(path)
    assert broken(checked) == ["file"] and not checked.usable


def test_answers_beyond_the_tolerance(folder: Path) -> None:
    def move(document: dict[str, Any]) -> None:
        document["golden"][0]["artifact_probabilities"][0] += 0.01

    edit(folder / "model.tflite", move)
    checked = check_artifact(folder / "model.tflite")
    assert broken(checked) == ["answers"] and checked.usable
    assert "moved by 0.01 at most, 0.001 is allowed" in checked.checks[-1].detail


def test_swapped_labels(folder: Path) -> None:
    edit(folder / "model.tflite", lambda document: document["labels"].reverse())
    assert broken(check_artifact(folder / "model.tflite")) == ["labels"]


def test_another_input(folder: Path) -> None:
    edit(folder / "model.tflite", lambda document: document["input"].update(dtype="uint8"))
    checked = check_artifact(folder / "model.tflite")
    assert broken(checked) == ["input"] and verdicts(checked)["answers"] == "not checked"
    assert not checked.usable


@pytest.mark.parametrize("name", ["open_runtime", "_answers"])
def test_a_runtime_that_refuses_is_a_broken_promise_and_no_picture_is_asked_about(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    error = ExportError("no such operator") if name == "open_runtime" else RuntimeError("no memory")

    def refuse(*_: object) -> None:
        raise error

    monkeypatch.setattr(f"tlearn.artifacts.verification.{name}", refuse)
    checked, answers = check(folder / "model.tflite", folder / "golden")
    assert broken(checked) == ["runs here"] and answers is None
    assert str(error) in checked.checks[-1].detail


def test_what_is_usable_is_asked_whatever_became_of_its_golden_pictures(folder: Path) -> None:
    next((folder / "golden").glob("*.pixels.png")).unlink()
    checked, answers = check(folder / "model.tflite", folder / "golden")
    assert not checked.passed and isinstance(answers, list) and len(answers) == 5


@pytest.mark.parametrize("decoded", [False, True])
def test_a_changed_golden_picture(folder: Path, decoded: bool) -> None:
    files = sorted((folder / "golden").iterdir())
    first, other, *_ = [file for file in files if (".pixels" in file.name) is decoded]
    shutil.copy(other, first)
    checked = check_artifact(folder / "model.tflite")
    assert broken(checked) == ["golden pictures"]
    assert f"{first.name} was changed" in [check.detail for check in checked.checks]


def test_a_missing_golden_picture_and_a_missing_folder(folder: Path) -> None:
    next((folder / "golden").glob("*.pixels.png")).unlink()
    assert broken(check_artifact(folder / "model.tflite")) == ["golden pictures"]
    shutil.rmtree(folder / "golden")
    checked = check_artifact(folder / "model.tflite")
    assert broken(checked) == ["golden pictures"]
    assert verdicts(checked)["answers"] == "not checked"


@pytest.mark.parametrize(("black", "verdict"), [(False, "warning"), (True, "broken")])
def test_another_decoder_is_measured_and_its_answers_judged(
    folder: Path, monkeypatch: pytest.MonkeyPatch, black: bool, verdict: str
) -> None:
    true = golden.decode

    def other(path: Path, image_size: int, resize: str) -> np.ndarray:
        pixels = true(path, image_size, resize)
        if path.name.endswith(".pixels.png"):  # without loss: every decoder gives the same
            return pixels
        return pixels * 0 if black else pixels ^ 1

    monkeypatch.setattr(golden, "decode", other)
    checked = check_artifact(folder / "model.tflite")
    assert verdicts(checked)["decoder"] == verdict and checked.passed is not black
    detail = next(one.detail for one in checked.checks if one.name == "decoder")
    assert "gives other pixels for 3 of 3, off by" in detail
    if not black:
        assert "off by 1 of 255 on average and 1 at most; the answers are the same" in detail


def test_the_contract_inside_is_what_is_left(folder: Path) -> None:
    for path in folder.glob("*.contract.json"):
        path.unlink()
    exact, coarse = (check_artifact(folder / f"model{end}.tflite") for end in ("", "_int8"))
    assert exact.passed and not exact.beside
    assert verdicts(exact)["file"] == "not checked" and verdicts(exact)["answers"] == "kept"
    assert verdicts(coarse)["answers"] == "warning"
    shutil.rmtree(folder / "golden")
    alone = check_artifact(folder / "model.tflite")
    assert alone.passed and verdicts(alone)["golden pictures"] == "not checked"


def test_what_else_a_person_may_name(folder: Path) -> None:
    with pytest.raises(ExportError, match="folder of artefacts") as error:
        check_artifact(folder)
    assert error.value.hint == "name one: model.tflite, model_int8.tflite"
    with pytest.raises(ExportError, match="is a contract"):
        check_artifact(folder / "model.contract.json")
    with pytest.raises(ExportError, match="does not exist"):
        check_artifact(folder / "model.onnx")
    with pytest.raises(ExportError, match="has no contract"):
        check_artifact(next((folder / "golden").iterdir()))
