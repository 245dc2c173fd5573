"""`tlearn evaluate` of a run that answers several labels, or a number."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np

from tlearn.errors import RecipeError
from tlearn.evaluation.target_scores import TargetReport, score_targets
from tlearn.runs.answering import answer
from tlearn.runs.directory import RunDirectory
from tlearn.runs.run_images import LabeledPixels
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
    trained: TrainedRun, images: LabeledPixels, split: str
) -> TargetEvaluateResult:
    """Score a run on images, and apart from them those that it did not learn from.

    Args:
        trained: The run.
        images: With their targets.
        split: Name of the split or folder.
    """
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


def refuse_class_settings(settings: dict[str, bool]) -> None:
    """Refuse what only a run of classes has.

    Args:
        settings: Flag to whether it was given.

    Raises:
        RecipeError: One was.
    """
    if given := [flag for flag, is_given in settings.items() if is_given]:
        raise RecipeError(
            f"{given[0]} is about classes, and this run answers several labels or a number",
            "score it as it is: tlearn evaluate RUN",
        )
