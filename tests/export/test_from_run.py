"""What a run gives its exports: images, calibration, and the golden images of this machine."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import DataError
from tlearn.export.from_run import prepare_export
from tlearn.runs.samples import GoldenFile, read_samples
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.digest import digest_of_bytes

FIRST = Path(__file__).parents[1] / "first_version" / "run"


@pytest.fixture
def run(tmp_path: Path) -> TrainedRun:
    return TrainedRun.open(shutil.copytree(FIRST, tmp_path / "run"))


def test_samples_stand_in_for_images_that_are_gone(run: TrainedRun) -> None:
    inputs = prepare_export(run, calibrate=True)
    assert inputs.check.source == "sample of val" and inputs.calibration is not None
    assert len(inputs.check.pixels) == len(inputs.check.labels) == len(inputs.expected) == 6
    assert {Path(name).parent.name for name in inputs.check.names} == set(inputs.class_names)
    assert inputs.metadata["license"].startswith("backbone weights")
    assert inputs.provenance.keys() == {"model", "plan", "split"}
    assert prepare_export(run, calibrate=False).calibration is None


def test_samples_do_not_stand_in_where_the_person_named_a_folder(
    run: TrainedRun, tmp_path: Path
) -> None:
    elsewhere = TrainedRun.open(run.directory.path, data=tmp_path)
    with pytest.raises(DataError, match="missing from"):
        prepare_export(elsewhere, calibrate=False)


def test_only_golden_images_that_this_machine_reads_and_answers_rightly_are_taken(
    run: TrainedRun, tmp_path: Path
) -> None:
    """A run that moved: another Pillow, other kernels."""
    samples = read_samples(run.directory.samples)
    assert samples is not None
    first = samples.golden[0]
    unknown = tmp_path / "other.avif"
    unknown.write_bytes(b"....ftypavif of a later make")
    unread = GoldenFile(unknown, 0, digest_of_bytes(unknown.read_bytes()))
    wrong = replace(first, label=(first.label + 1) % 3)
    changed = replace(samples, golden=(unread, wrong, first))
    (golden,) = prepare_export(replace(run, samples=changed), calibrate=False).golden
    assert golden.content == first.content() and golden.suffix == first.path.suffix
    assert golden.label == run.labels[first.label]
    assert int(np.argmax(golden.probabilities)) == first.label
    none = replace(samples, golden=(unread,))
    assert not prepare_export(replace(run, samples=none), calibrate=False).golden
