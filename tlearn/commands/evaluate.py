"""`tlearn evaluate`: score a run on images it has not seen."""

from __future__ import annotations

from pathlib import Path

from tlearn.evaluation.metrics import Report, score
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import TrainedRun


def evaluate(
    run: Path | None,
    folder: Path | None = None,
    *,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> tuple[RunDirectory, Report]:
    """Score a run on its own held-out images, or on another folder.

    Args:
        run: The run directory; None takes the newest under runs/.
        folder: Another folder with the run's classes; None takes the split the run reports on.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used.
    """
    trained = TrainedRun.open(run, data, progress)
    if folder is None:
        split = trained.manifest.report_split
        pixels, labels = trained.read_images(split), trained.read_labels(split)
    else:
        split = folder.resolve().name  # "." has none
        pixels, labels = trained.read_other(folder)
    probabilities = trained.predict(trained.load_model(), pixels)
    return trained.directory, score(probabilities, labels, trained.labels, split)
