"""A finished run again, on a smaller backbone that its model has taught."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.commands.session import Session
from tlearn.commands.train import train_and_save
from tlearn.features.engine import LiteRTEngine, seconds_per_image
from tlearn.features.extractor import FeatureExtractor, open_extractor
from tlearn.models.resolve import ResolvedBackbone
from tlearn.progress import ProgressCallback
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RunDirectory
from tlearn.storage.text import read_json


@dataclass(frozen=True)
class Shrunk:
    """A run beside the larger one whose model taught its backbone; pairs are (large, small).

    Attributes:
        run: The small run.
        accuracy: On the part that both report on.
        size_bytes: Of the saved models.
        milliseconds: For one picture, frozen network alone, on one core and warm.
    """

    run: RunDirectory
    accuracy: tuple[float, float]
    size_bytes: tuple[int, int]
    milliseconds: tuple[float, float]


def shrink(
    large: RunDirectory,
    teacher: ResolvedBackbone,
    student: ResolvedBackbone,
    resize: str,
    progress: ProgressCallback,
) -> Shrunk:
    """Train the student's backbone on the pictures and split of the run that taught it.

    Args:
        large: The run.
        teacher: Its model as a backbone.
        student: The backbone that its model has taught.
        resize: How a picture becomes square for it.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run's pictures are no longer where they were.
    """
    assert student.weights is not None
    before, metrics = read_plan(large.plan_path), read_json(large.metrics_path)
    same = (
        "seed",
        "val_fraction",
        "test_fraction",
        "horizontal_flip",
        "class_weights",
        "keep_samples",
    )
    flags = {key: before.value(key) for key in same} | {
        "policy": "top_stages",
        "backbone": student.name,
        "weights": str(student.weights.path),
        "image_size": student.image_size,
        "resize": resize,
    }
    with Session(Path(metrics["folder"]), None, flags, True, progress) as session:
        run = RunDirectory.create(student.weights.path.parent / "run", "top_stages", True)
        reports = train_and_save(session, session.plan(), run, None).reports
        sample = session.dataset.rows("train")[:16]
        small = _milliseconds(session.extractor, sample)
        split = session.dataset.manifest.report_split
        known = open_extractor(session.cache, teacher.fingerprint)
        assert known is not None  # the student learned from its answers
        shape = (len(sample), teacher.image_size, teacher.image_size, 3)
        slow = _milliseconds(known, np.zeros(shape, np.uint8))
    return Shrunk(
        run,
        (metrics[f"{split}_accuracy"], reports[split].accuracy),
        (large.model_path.stat().st_size, run.model_path.stat().st_size),
        (slow, small),
    )


def _milliseconds(extractor: FeatureExtractor, sample: np.ndarray) -> float:
    return 1e3 * seconds_per_image(LiteRTEngine(extractor.path, threads=1), sample)
