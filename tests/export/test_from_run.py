"""What a run's exports are made of and held against."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.trained_model import build
from tlearn.artifacts.contract_file import from_bytes, read_contract, to_bytes
from tlearn.artifacts.runtime import run_artifact
from tlearn.data.decode import decode
from tlearn.errors import ExportError
from tlearn.evaluation.prior import with_prior
from tlearn.export.from_run import prepare_export
from tlearn.export.inputs import ExportOptions
from tlearn.export.write import export_artifact
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.digest import digest_of_bytes
from tlearn.storage.text import read_json


def add_golden(run: Path, name: str, label: int, content: bytes) -> None:
    """Put a file among those that travel in a run."""
    (run / "samples" / "golden" / name).write_bytes(content)
    path = run / "samples" / "samples.json"
    index = read_json(path)
    index["golden"].append({"file": name, "label": label, "sha256": digest_of_bytes(content)})
    path.write_text(json.dumps(index))


def test_what_artifacts_are_held_against_names_its_images(
    finished_run: Path, run_images: Path
) -> None:
    inputs = prepare_export(TrainedRun.open(finished_run), calibrate=True)
    check: Any = inputs.check
    assert check.source == "val" and len(check.names) == 9
    for name, pixels, label in zip(check.names, check.pixels, check.labels, strict=True):
        np.testing.assert_array_equal(decode(run_images / name, 32, "squash"), pixels)
        assert inputs.class_names[label] == Path(name).parent.name
    assert inputs.expected.probabilities.shape == (9, 3)
    assert inputs.expected.known is not None and inputs.expected.known.shape == (9,)
    assert inputs.confidence.known is not None and inputs.confidence.known.own
    assert inputs.int8_note == "" and inputs.metadata["image_size"] == 32
    assert inputs.calibration is not None and inputs.calibration.shape == (42, 32, 32, 3)


def test_shares_of_the_classes_go_into_the_model_and_into_what_its_files_say(
    finished_run: Path, tmp_path: Path
) -> None:
    run = TrainedRun.open(finished_run)
    usual, first = prepare_export(run, False), run.labels[0]
    inputs = prepare_export(run, False, ExportOptions(max_drop=0.5, prior={first: 0.9}))
    assert inputs.prior == pytest.approx([0.9, 0.05, 0.05])
    probabilities = usual.expected.probabilities
    expected = with_prior(probabilities, np.full(3, 1 / 3), np.array(inputs.prior))
    np.testing.assert_allclose(inputs.expected.probabilities, expected, atol=1e-5)
    assert f"0.9 {first}" in inputs.metadata["description"]
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"))
    contract, _ = read_contract(artifact.path)
    assert contract.prior == artifact.prior == inputs.named_prior
    (answer, *_) = run_artifact(artifact.path, inputs.check.pixels[:1])
    np.testing.assert_allclose(answer.probabilities, expected[0], atol=1e-4)
    assert from_bytes(to_bytes(contract), "again") == contract
    lies = replace(contract, prior={first: 0.9, run.labels[1]: 0.9, run.labels[2]: 0.9})
    with pytest.raises(ExportError, match="prior"):
        from_bytes(to_bytes(lies), "again")


@pytest.mark.parametrize(("refuse", "written"), [(None, 0.05), (0.2, 0.2), (0.0, 0.0)])
def test_what_may_be_refused_is_in_the_contract(
    finished_run: Path, tmp_path: Path, refuse: float | None, written: float
) -> None:
    options = ExportOptions(max_drop=0.5, refuse=refuse)
    inputs = prepare_export(TrainedRun.open(finished_run), False, options)
    artifact = export_artifact(inputs, tmp_path, ("tflite", "none"))
    assert artifact.refuse == read_contract(artifact.path)[0].refuse == written


def test_a_model_that_does_not_know_strangers_cannot_be_told_to_refuse(
    finished_run: Path, trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(TrainedRun, "load_model", lambda _: trained.model)
    run = TrainedRun.open(finished_run)
    with pytest.raises(ExportError, match="--refuse"):
        prepare_export(run, False, ExportOptions(refuse=0.05))
    assert prepare_export(run, False).expected.known is None


def test_without_int8_nothing_is_read_to_calibrate_it(finished_run: Path) -> None:
    assert prepare_export(TrainedRun.open(finished_run), calibrate=False).calibration is None


def test_only_golden_images_that_this_machine_reads_and_answers_rightly_are_in_the_contract(
    finished_run: Path,
) -> None:
    """A run that moved: another Pillow, other kernels."""
    before = prepare_export(TrainedRun.open(finished_run), False).golden
    assert 0 < len(before) <= 6
    assert {image.suffix for image in before} == {".png"}
    first = before[0]
    other = (TrainedRun.open(finished_run).labels.index(first.label) + 1) % 3
    add_golden(finished_run, "later.avif", other, b"....ftypavif of a later make")
    add_golden(finished_run, "turned.png", other, first.content)
    after = prepare_export(TrainedRun.open(finished_run), False).golden
    assert [image.content for image in after] == [image.content for image in before]
    assert [image.label for image in after] == [image.label for image in before]


def test_a_run_may_have_no_golden_image(finished_run: Path) -> None:
    path = finished_run / "samples" / "samples.json"
    path.write_text(json.dumps(read_json(path) | {"golden": []}))
    assert prepare_export(TrainedRun.open(finished_run), False).golden == []


def test_maps_are_asked_of_the_model_unless_its_head_reads_one_place(
    finished_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = TrainedRun.open(finished_run)
    assert prepare_export(run, False).expected.maps is None
    with pytest.raises(ExportError, match="one place"):
        prepare_export(run, False, ExportOptions(maps=True))
    monkeypatch.setattr(TrainedRun, "load_model", lambda self: build())
    maps = prepare_export(run, False, ExportOptions(maps=True)).expected.maps
    assert maps is not None and maps.shape == (9, 8, 8)
