"""`tlearn evaluate` of a run that answers several labels, or a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tlearn.data.targets import ensure_classes
from tlearn.evaluation.target_scores import TargetReport, TargetScores, score_targets_apart
from tlearn.runs.answering import answer
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class TargetEvaluateResult:
    """What `evaluate` found.

    Attributes:
        run: The run.
        scores: On all images, and on those that it was not trained on.
        grouped_by: What tells the groups that intervals count.
    """

    run: RunDirectory
    scores: TargetScores
    grouped_by: tuple[str, ...]

    passed = True

    @property
    def report(self) -> TargetReport:
        """Return the scores on all images."""
        return self.scores.report


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
    scores = score_targets_apart(
        trained.plan.task,
        answers,
        targets,
        trained.labels,
        split,
        learned,
        trained.confidence,
        images.shared.groups,
        trained.manifest.trained_on(images.digests),
    )
    return TargetEvaluateResult(trained.directory, scores, images.shared.by)
