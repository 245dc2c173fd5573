"""`tlearn predict`: classify images with a trained run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlearn.data.image_folder import list_images
from tlearn.evaluation.predictions import Prediction
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import answer
from tlearn.runs.trained_run import TrainedRun


def predict(
    run: Path | None, sources: Sequence[Path], *, progress: ProgressCallback = no_progress
) -> list[Prediction]:
    """Classify images; one that cannot be read is answered with its problem.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run cannot be used, or there is no image.
    """
    paths = list_images(sources)
    trained = TrainedRun.open(run, progress=progress)
    pixels, problems = trained.read_files(paths)
    answers = iter(answer(trained, pixels).probabilities if len(pixels) else ())
    return [
        Prediction.unreadable(str(path), problem)
        if problem
        else Prediction.of(str(path), next(answers), trained.labels)
        for path, problem in zip(paths, problems, strict=True)
    ]
