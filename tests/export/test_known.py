"""The second output leaves the first as it is, in int8 too."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.trained_model import TrainedModel
from tlearn.artifacts.runtime import run_artifact
from tlearn.export.write import write_and_check


def test_an_int8_file_keeps_the_logits_below_0(knowing: TrainedModel, tmp_path: Path) -> None:
    """They share a scale with the margin, which is above 0: clipped, no class is improbable."""
    artifact = write_and_check(knowing.inputs(), tmp_path, ("tflite", "int8"), 0.05)
    assert artifact.passed and not artifact.head_refitted
    answers = run_artifact(artifact.path, knowing.pixels)
    least, expected = answers.probabilities.min(axis=1), knowing.probabilities.min(axis=1)
    assert np.median(least) < np.median(expected) + 1 / 256
    assert artifact.known_difference is not None and artifact.known_difference < 0.2
