"""What a run's exports are made of and held against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.data.decode import decode
from tlearn.export.from_run import prepare_export
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
