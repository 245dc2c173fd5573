"""A trained run again, on a smaller backbone that its model has taught."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.commands.save import begin_run, save_run
from tlearn.commands.session import Session
from tlearn.commands.train import fit
from tlearn.evaluation.metrics import Report
from tlearn.features.engine import LiteRTEngine, seconds_per_image
from tlearn.features.extractor import FeatureExtractor, open_extractor
from tlearn.models.resolve import ResolvedBackbone
from tlearn.progress import ProgressCallback
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RunDirectory
from tlearn.storage.text import read_json

_SAME_KEYS = (
    *("seed", "val_fraction", "test_fraction", "group_by", "groups", "horizontal_flip"),
    *("class_weights", "keep_samples", "unknown"),
)


@dataclass(frozen=True)
class ShrinkResult:
    """A run beside the larger one whose model taught its backbone; pairs are (large, small).

    Attributes:
        run: The small run.
        accuracy: On the split that both report on.
        size_bytes: Of the saved models.
        milliseconds: For one image, frozen network alone, on one core and warm.
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
) -> ShrinkResult:
    """Train the student's backbone on the images and split of the run that taught it.

    Args:
        large: The run.
        teacher: Its model as a backbone.
        student: The backbone that its model has taught.
        resize: How an image becomes square for it.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run's images are no longer where they were.
    """
    assert student.weights is not None
    plan, metrics = read_plan(large.plan_path), read_json(large.metrics_path)
    flags = {key: plan.value(key) for key in _SAME_KEYS} | {
        "policy": "top_stages",
        "backbone": student.name,
        "weights": str(student.weights.path),
        "image_size": student.image_size,
        "resize": resize,
    }
    with Session(Path(metrics["folder"]), None, flags, progress=progress) as session:
        workspace = session.open_workspace()
        small_plan = session.make_plan(workspace, session.requested)
        run = RunDirectory.create(student.weights.path.parent / "run", "top_stages", True)
        begin_run(run, workspace, small_plan)
        workspace = session.extract_features(workspace)
        fitted = fit(session, workspace, small_plan, run.epochs.append)
        reports = save_run(session, workspace, fitted, run)
        sample = workspace.dataset.rows("train")[:16]
        assert workspace.extractor is not None
        small_ms = _milliseconds(workspace.extractor, sample)
        large_extractor = open_extractor(session.cache, teacher.fingerprint)
        assert large_extractor is not None  # the student learned from its answers
        shape = (len(sample), teacher.image_size, teacher.image_size, 3)
        large_ms = _milliseconds(large_extractor, np.zeros(shape, np.uint8))
    split = workspace.dataset.manifest.report_split
    report = reports[split]
    assert isinstance(report, Report)
    return ShrinkResult(
        run,
        (metrics[f"{split}_accuracy"], report.accuracy),
        (large.model_path.stat().st_size, run.model_path.stat().st_size),
        (large_ms, small_ms),
    )


def _milliseconds(extractor: FeatureExtractor, sample: np.ndarray) -> float:
    return 1e3 * seconds_per_image(LiteRTEngine(extractor.path, threads=1), sample)
