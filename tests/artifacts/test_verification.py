"""A good file passes, and every way to damage it is named."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn import api
from tlearn.artifacts import golden
from tlearn.artifacts.contract import RESIZE_IN_WORDS
from tlearn.artifacts.contract_file import contract_path
from tlearn.artifacts.interface import Interface, read_interface
from tlearn.artifacts.verification import Verdict, VerificationReport, check_artifact
from tlearn.commands.check import check
from tlearn.confidence.answers import Answer
from tlearn.errors import ExportError
from tlearn.export.inputs import ExportInputs
from tlearn.export.write import export_artifact


@pytest.fixture(scope="module")
def exported(inputs: ExportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    for mode in ("none", "int8"):
        export_artifact(inputs, folder, ("tflite", mode))
    return folder


@pytest.fixture
def folder(exported: Path, tmp_path: Path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(exported, tmp_path / "export"))


@pytest.fixture(scope="module")
def of_run(linear_head_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a run, which has the output `known`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLEARN_CACHE", str(linear_head_run / "cache"))
        out = tmp_path_factory.mktemp("of-run") / "export"
        (artifact,) = api.export(linear_head_run / "run", [("tflite", "none")], out=out)
    return artifact.path


@pytest.fixture
def known(of_run: Path, tmp_path: Path) -> Path:
    """A copy of it to damage."""
    return Path(shutil.copytree(of_run.parent, tmp_path / "of-run")) / of_run.name


def broken(report: VerificationReport) -> list[str]:
    return [check.name for check in report.checks if check.verdict is Verdict.BROKEN]


def verdicts(report: VerificationReport) -> dict[str, str]:
    return {check.name: check.verdict.value for check in report.checks}


def edit(artifact: Path, change: Any) -> None:
    path = contract_path(artifact)
    document = json.loads(path.read_text())
    change(document)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize("name", ["model.tflite", "model_int8.tflite"])
def test_a_good_file_passes_every_check(folder: Path, name: str) -> None:
    report = check_artifact(folder / name)
    assert report.passed and report.beside
    assert set(verdicts(report).values()) == {"kept"}
    names = ["file", "labels", "input", "output", "golden images", "decoder", "answers"]
    assert list(verdicts(report)) == names


def test_both_outputs_of_a_run_are_checked(known: Path) -> None:
    report = check_artifact(known)
    assert report.passed and verdicts(report)["known"] == "kept"
    for path in known.parent.glob("*.contract.json"):
        path.unlink()
    inside = check_artifact(known)
    assert inside.passed and verdicts(inside)["known"] == "kept"


def test_another_answer_by_known_fails(known: Path) -> None:
    def move(document: dict[str, Any]) -> None:
        golden = document["golden"][0]
        golden["artifact_known"] += 0.01 if golden["artifact_known"] < 0.5 else -0.01

    edit(known, move)
    report = check_artifact(known)
    assert broken(report) == ["answers"] and report.usable
    assert "moved by at most 0.01 (0.001 allowed)" in report.checks[-1].detail


def test_another_output_known_fails(known: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(known, lambda document: document["known"].update(name="trust"))
    assert broken(check_artifact(known)) == ["known"]

    def leave_out(document: dict[str, Any]) -> None:
        for key in ("known", "refuse"):
            del document[key]

    edit(known, leave_out)
    report = check_artifact(known)
    assert "the contract inside the file has another refuse" in report.checks[0].detail
    monkeypatch.setattr("tlearn.artifacts.verification.read_embedded", lambda path: None)
    assert broken(check_artifact(known)) == ["known"]


def test_a_changed_file_is_not_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = folder / "model.tflite"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 255
    path.write_bytes(content)
    monkeypatch.setattr("tlearn.artifacts.verification.open_runtime", pytest.fail)
    report = check_artifact(path)
    assert broken(report) == ["file"] and not report.usable


def test_answers_beyond_the_tolerance_fail(folder: Path) -> None:
    def move(document: dict[str, Any]) -> None:
        document["golden"][0]["artifact_probabilities"][0] += 0.01

    edit(folder / "model.tflite", move)
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["answers"] and report.usable
    assert "moved by at most 0.01 (0.001 allowed)" in report.checks[-1].detail


def test_swapped_labels_fail(folder: Path) -> None:
    edit(folder / "model.tflite", lambda document: document["labels"].reverse())
    assert broken(check_artifact(folder / "model.tflite")) == ["labels"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tolerance", 0.0001),
        ("tlearn", "9.9"),
        ("provenance", {}),
        ("quantization", "float16"),
        ("golden", []),
        ("resize", "pad"),
    ],
)
def test_a_contract_beside_the_file_that_differs_from_the_one_inside_fails(
    folder: Path, key: str, value: Any
) -> None:
    def change(document: dict[str, Any]) -> None:
        if key == "resize":
            document["preprocessing"] |= {key: value, "resize_in_words": RESIZE_IN_WORDS[value]}
        else:
            document[key] = value

    edit(folder / "model.tflite", change)
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["file"] and not report.usable
    name = "preprocessing" if key == "resize" else key
    assert f"the contract inside the file has another {name}" in report.checks[0].detail


@pytest.mark.parametrize("said", [{"resize": "fit"}, {"image_size": 64}, {"std": 58.4}])
def test_a_file_that_says_otherwise_of_its_images_fails(
    folder: Path, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    def read(path: Path) -> Interface:
        return replace(read_interface(path), images=said)

    monkeypatch.setattr("tlearn.artifacts.verification.read_interface", read)
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["input"]
    (key,) = said
    assert f"the file says {key} {said[key]}, the contract" in report.checks[2].detail


def test_a_renamed_file_passes_and_its_old_name_is_told(folder: Path) -> None:
    old, new = folder / "model.tflite", folder / "flowers.tflite"
    contract_path(old).rename(contract_path(new))
    old.rename(new)
    report = check_artifact(new)
    assert report.passed and verdicts(report)["file"] == "warning"
    assert report.checks[0].detail.endswith("as in the contract, which names it 'model.tflite'")


def test_another_name_ending_is_another_format(folder: Path) -> None:
    other = folder / "model.onnx"
    (folder / "model.tflite").rename(other)
    contract_path(folder / "model.tflite").rename(contract_path(other))
    report = check_artifact(other)
    assert broken(report) == ["file"]
    assert report.checks[0].detail.endswith("the contract is for tflite, the file is onnx")


def test_a_damaged_file_without_a_hash_cannot_crash_the_check(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(path: Path) -> None:
        raise ExportError("the process was killed (-11)")

    contract_path(folder / "model.tflite").unlink()
    monkeypatch.setattr("tlearn.artifacts.verification.cold_start", crash)
    monkeypatch.setattr("tlearn.artifacts.verification.open_runtime", pytest.fail)
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["runs here"] and report.checks[-1].detail.endswith("(-11)")


def test_another_input_fails_and_nothing_is_decoded_or_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def change(document: dict[str, Any]) -> None:
        """Images of 64 pixels for a network that takes 32."""
        document["input"]["shape"], document["output"]["name"] = [1, 64, 64, 3], "y"
        document["preprocessing"]["image_size"] = 64
        for image in document["golden"]:
            image["pixels_shape"] = [64, 64, 3]

    monkeypatch.setattr("tlearn.artifacts.verification.load_golden", pytest.fail)
    monkeypatch.setattr("tlearn.artifacts.verification.read_embedded", lambda path: None)
    edit(folder / "model.tflite", change)
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["input", "output"]
    assert verdicts(report)["golden images"] == verdicts(report)["answers"] == "not checked"
    assert not report.usable


def test_a_file_that_the_runtime_cannot_open_is_not_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise ExportError("no such operator")

    monkeypatch.setattr("tlearn.artifacts.verification.open_runtime", refuse)
    result = check(folder / "model.tflite", folder / "golden")
    report = result.verification
    assert broken(report) == ["runs here"] and result.predictions is None
    assert report.checks[-1].detail == "no such operator"


def test_a_file_that_fails_while_it_runs_is_not_used(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(image: np.ndarray) -> Answer:
        raise RuntimeError("no memory")

    monkeypatch.setattr("tlearn.artifacts.verification.open_runtime", lambda path: run)
    result = check(folder / "model.tflite", folder / "golden")
    report = result.verification
    assert broken(report) == ["runs here"] and result.predictions is None
    assert report.checks[-1].detail == "no memory"


def test_an_unmodified_file_is_used_even_if_golden_images_are_lost(folder: Path) -> None:
    next((folder / "golden").glob("*.pixels.png")).unlink()
    result = check(folder / "model.tflite", folder / "golden")
    assert not result.verification.passed
    assert result.predictions is not None and len(result.predictions) == 5


@pytest.mark.parametrize("decoded", [False, True])
def test_a_changed_golden_image_fails(folder: Path, decoded: bool) -> None:
    files = sorted((folder / "golden").iterdir())
    first, other, *_ = [file for file in files if (".pixels" in file.name) is decoded]
    shutil.copy(other, first)
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["golden images"]
    assert f"'{first.name}' was changed" in [check.detail for check in report.checks]


def test_a_missing_golden_image_and_a_missing_folder_fail(folder: Path) -> None:
    next((folder / "golden").glob("*.pixels.png")).unlink()
    assert broken(check_artifact(folder / "model.tflite")) == ["golden images"]
    shutil.rmtree(folder / "golden")
    report = check_artifact(folder / "model.tflite")
    assert broken(report) == ["golden images"]
    assert verdicts(report)["answers"] == "not checked"


@pytest.mark.parametrize(("black", "verdict"), [(False, "warning"), (True, "broken")])
def test_another_decoder_fails_only_if_an_answer_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch, black: bool, verdict: str
) -> None:
    decode = golden.decode

    def other(path: Path, *how: Any) -> np.ndarray:
        pixels = decode(path, *how)
        if path.name.endswith(".pixels.png"):  # lossless: every decoder gives the same
            return pixels
        return pixels * 0 if black else pixels ^ 1

    monkeypatch.setattr(golden, "decode", other)
    report = check_artifact(folder / "model.tflite")
    assert verdicts(report)["decoder"] == verdict and report.passed is not black
    detail = next(check.detail for check in report.checks if check.name == "decoder")
    assert "gives other pixels for 3 of 3 images, off by" in detail
    if not black:
        assert "off by 1 of 255 on average and 1 at most; no answer changes" in detail


def test_without_a_file_beside_it_the_contract_inside_is_used(folder: Path) -> None:
    for path in folder.glob("*.contract.json"):
        path.unlink()
    exact, coarse = (check_artifact(folder / f"model{end}.tflite") for end in ("", "_int8"))
    assert exact.passed and not exact.beside
    assert verdicts(exact)["file"] == "not checked" and verdicts(exact)["answers"] == "kept"
    assert verdicts(coarse)["answers"] == "warning"
    shutil.rmtree(folder / "golden")
    alone = check_artifact(folder / "model.tflite")
    assert alone.passed and verdicts(alone)["golden images"] == "not checked"
