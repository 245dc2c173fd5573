"""`tlearn evaluate`: score a run on images it has not seen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tlearn.evaluation.metrics import Report
from tlearn.evaluation.scores import Scores, score_apart
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import answer
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class EvaluateResult:
    """A run and its scores.

    Attributes:
        run: The run.
        scores: On all images and, if some of them were trained on, on the others.
        grouped_by: What tells the groups that intervals count: "copies", "names (personN)"; empty
            for the run's own images, whose groups are those of its split.
    """

    run: RunDirectory
    scores: Scores
    grouped_by: tuple[str, ...] = ()

    @property
    def report(self) -> Report:
        """Return the scores on all images."""
        return self.scores.report


def evaluate(
    run: Path | None,
    folder: Path | None = None,
    *,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> EvaluateResult:
    """Score a run on its own held-out images, or on another folder.

    Images that were trained on, or may have served to choose settings, are found by their content
    and counted; `scores.unseen` leaves them out. Intervals are widened for copies, and for images
    that belong together by the run's pattern, a column of a CSV, their names, or camera and day.

    Args:
        run: The run directory; None takes the newest under runs/.
        folder: Another folder with classes of the run; None takes the split the run reports on.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used.
    """
    trained = TrainedRun.open(run, data, progress)
    if folder is None:
        split = trained.manifest.report_split
        images = trained.read_split(split)
    else:
        split = folder.resolve().name  # "." has none
        images = trained.read_other(folder)
    probabilities = answer(trained, images.pixels).probabilities
    trained_on = trained.manifest.trained_on(images.digests)
    shared = images.shared
    scores = score_apart(
        probabilities,
        images.labels,
        trained.labels,
        split,
        trained_on,
        shared.groups,
        shared.copies,
    )
    return EvaluateResult(trained.directory, scores, shared.by)
