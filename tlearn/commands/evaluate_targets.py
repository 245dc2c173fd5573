"""`tlearn evaluate` of a run that answers several labels, or a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.data.targets import ensure_classes
from tlearn.evaluation.target_scores import TargetReport, score_targets
from tlearn.runs.answering import answer
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class TargetEvaluateResult:
    """What `evaluate` found.

    Attributes:
        run: The run.
        report: Scores on all images.
        trained_on: How many of them were trained on, or may have served to choose settings.
        unseen: Scores on the others; None where these are all images, or none.
        grouped_by: What tells the groups that intervals count.
    """

    run: RunDirectory
    report: TargetReport
    trained_on: int
    unseen: TargetReport | None
    grouped_by: tuple[str, ...]

    passed = True

    def to_json(self) -> dict[str, Any]:
        """Return the scores as plain Python values."""
        unseen = self.unseen and self.unseen.to_json()
        return {**self.report.to_json(), "trained_on": self.trained_on, "unseen": unseen}


def evaluate_targets(
    trained: TrainedRun, folder: Path | None, asked: Mapping[str, object]
) -> TargetEvaluateResult:
    """Score a run on images, and apart from them those that it did not learn from.

    Args:
        trained: The run.
        folder: Other images than the split it reports on.
        asked: Name of a flag that only a run of classes has to what was given for it.

    Raises:
        TlearnError: Something was, or the images cannot be used.
    """
    for name in (name for name, value in asked.items() if value not in (None, False, {})):
        ensure_classes(trained.plan.task, f"--{name.replace('_', '-')}")
    split = folder.resolve().name if folder else trained.manifest.report_split
    images = trained.read_other(folder) if folder else trained.read_split(split)
    targets = images.targets
    assert targets is not None and trained.manifest.targets is not None
    answers = answer(trained, images.pixels).probabilities
    learned = trained.manifest.targets[trained.manifest.indices("train")]
    groups = images.shared.groups

    def scored(rows: np.ndarray) -> TargetReport:
        return score_targets(
            trained.plan.task,
            answers[rows],
            targets[rows],
            trained.labels,
            split,
            learned,
            trained.confidence,
            [*compress(groups, rows)],
        )

    trained_on = trained.manifest.trained_on(images.digests)
    seen = int(trained_on.sum())
    others = scored(~trained_on) if 0 < seen < len(trained_on) else None
    every = scored(np.ones(len(trained_on), bool))
    return TargetEvaluateResult(trained.directory, every, seen, others, images.shared.by)
