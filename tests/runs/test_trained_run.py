"""A trained run, read back: images by split, images of other folders, loose files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tlearn.errors import DataError, RunError
from tlearn.runs.trained_run import SAMPLE_OF, TrainedRun

FIRST = Path(__file__).parents[1] / "first_version" / "run"


@pytest.fixture
def run(tmp_path: Path) -> TrainedRun:
    return TrainedRun.open(shutil.copytree(FIRST, tmp_path / "run"))


def test_it_knows_its_classes_and_its_splits(run: TrainedRun) -> None:
    assert run.labels == run.plan.split.classes == run.manifest.classes
    assert run.check_split == "val" and len(run.read_labels("val")) == run.plan.split.n_val


def test_images_that_are_gone_are_named_with_the_flag_that_helps(run: TrainedRun) -> None:
    with pytest.raises(DataError, match="6 val images of this run are missing") as error:
        run.read_images("val")
    assert "--data" in error.value.hint


def test_images_kept_in_the_run_take_their_place(run: TrainedRun) -> None:
    images = run.read_images_or_samples("val")
    assert images.source == SAMPLE_OF + "val" and len(images.pixels) == len(images.labels) == 6
    with pytest.raises(DataError, match="keeps no samples"):
        replace(run, samples=None).read_images_or_samples("val")
    with pytest.raises(DataError, match="missing from"):
        replace(run, substitute=False).read_images_or_samples("val")


def test_the_model_answers_what_it_is_shown(run: TrainedRun) -> None:
    images = run.read_images_or_samples("val")
    probabilities = run.predict(run.load_model(), images.pixels)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_a_file_that_is_no_model_is_an_error(run: TrainedRun) -> None:
    run.directory.model_path.write_bytes(b"no model")
    with pytest.raises(RunError, match="cannot be loaded"):
        run.load_model()


def test_files_that_cannot_be_read_have_a_problem(run: TrainedRun, tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    golden = next((run.directory.samples / "golden").iterdir())
    pixels, problems = run.read_files([golden, tmp_path / "empty.png"])
    assert len(pixels) == 1 and problems[0] is None and problems[1]
