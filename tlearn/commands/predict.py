"""`tlearn predict`: classify images with a trained run, and sort their files by class."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlearn.confidence.confidence import KnownScale
from tlearn.confidence.novelty import REFUSED
from tlearn.confidence.operating_point import OperatingPoint
from tlearn.confidence.strangers import measure_known
from tlearn.data.image_folder import list_images
from tlearn.data.targets import ensure_classes
from tlearn.doctor.journal import moving
from tlearn.errors import DataError, quoted
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.prior import expected_shares, learned_shares, with_prior
from tlearn.evaluation.sorting import (
    COPY,
    OTHER_FOLDER,
    Sorted,
    Sorting,
    check_sorting,
    sort_files,
    undo_sorting,
)
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import answer
from tlearn.runs.directory import ensure_no_run
from tlearn.runs.kept_point import read_point
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import os_errors_as_host_errors
from tlearn.storage.cache import cache_folder

_ENOUGH = 5
"""Fewest images of which it is said whether, as a whole, they are like those of training."""


class Predictions(list[Prediction]):
    """What a run says of images, one by one.

    Attributes:
        known: How like the training images they are as a whole; None where the run does not say,
            and for a few images, of which a test could say nothing.
        point: By which the images are answered; None for the more probable class.
    """

    def __init__(
        self,
        predictions: Iterable[Prediction],
        scale: KnownScale | None,
        point: OperatingPoint | None = None,
    ) -> None:
        super().__init__(predictions)
        known = np.array([image.known for image in self if image.known is not None])
        self.point, self.known = point, None
        if scale and len(known) >= _ENOUGH:
            self.known = measure_known(known, REFUSED, scale)


@dataclass(frozen=True)
class SortResult:
    """What a run says of images, and where their files went."""

    predictions: Predictions
    sorted: Sorted


def predict(
    run: Path | None,
    sources: Sequence[Path],
    *,
    prior: Mapping[str, float] | None = None,
    progress: ProgressCallback = no_progress,
) -> Predictions:
    """Classify images; one that cannot be read is answered with its problem.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search.
        prior: Class to its share among the images; those not named divide the rest as in training.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run cannot be used, or there is no image.
    """
    paths = list_images(sources)
    return _predict(TrainedRun.open(run, progress=progress), paths, prior)


def predict_targets(
    run: Path | None, sources: Sequence[Path], *, progress: ProgressCallback = no_progress
) -> list[TargetPrediction]:
    """Answer images with a run of several labels, or of a number; see `predict`.

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
    kept = trained.labels, trained.plan.task, trained.confidence
    return [
        TargetPrediction(str(path), {}, problem=problem)
        if problem
        else TargetPrediction.of(str(path), next(answers), *kept)
        for path, problem in zip(paths, problems, strict=True)
    ]


def sort_images(
    run: Path | None,
    sources: Sequence[Path],
    sorting: Sorting,
    *,
    prior: Mapping[str, float] | None = None,
    progress: ProgressCallback = no_progress,
) -> SortResult:
    """Classify images, and sort their files into a folder for each class.

    Images that cannot be read are left where they are.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search.
        sorting: Where and how.
        prior: See `predict`.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the folder cannot be used, or there is no image.
    """
    ensure_no_run(sorting.folder)
    paths = list_images(sources)
    check_sorting(sorting, sources)
    if sorting.how != COPY and any(path.is_relative_to(cache_folder()) for path in paths):
        raise DataError(
            f"the images of {quoted(sources[0])} are unpacked in the cache, which is emptied",
            f"copy them: --how {COPY}",
        )
    trained = TrainedRun.open(run, progress=progress)
    predictions = _predict(trained, paths, prior)
    if predictions.point and sorting.unsure is None:
        sorting = replace(sorting, unsure=0.0)
    progress("sort the files", 0, 0)
    with os_errors_as_host_errors(sorting.folder, OTHER_FOLDER):
        sorting.folder.mkdir(parents=True, exist_ok=True)
    with moving(sorting.folder):
        return SortResult(predictions, sort_files(predictions, trained.labels, sorting))


def unsort_images(sources: Sequence[Path], folder: Path) -> int:
    """Move back what `sort_images` has moved last from files or folders into a folder.

    Returns:
        The number of files moved back.

    Raises:
        TlearnError: There is nothing to move back, or something is in the way.
    """
    with moving(folder):
        moved = undo_sorting(folder, sources)
    with suppress(OSError):  # something else is in it
        folder.rmdir()
    return moved


def _predict(
    trained: TrainedRun, paths: Sequence[Path], prior: Mapping[str, float] | None
) -> Predictions:
    labels, confidence = trained.labels, trained.confidence
    ensure_classes(trained.plan.task, "sorting by class, or a prior of classes,")
    shares: tuple[np.ndarray, ...] = ()
    if prior:
        learned = learned_shares(trained.manifest, trained.plan)
        shares = learned, expected_shares(prior, labels, learned, "predict")
    pixels, problems = trained.read_files(paths)
    answered = answer(trained, pixels) if len(pixels) else ()
    point = read_point(trained.directory, labels)
    if shares:
        confidence = replace(confidence, sets=())  # promised for classes as frequent as in training
        point = point and _point_with_prior(point, labels, shares)
        if answered:
            answered = replace(answered, probabilities=with_prior(answered.probabilities, *shares))
    answers = iter(answered)
    predictions = (
        Prediction.unreadable(str(path), problem)
        if problem
        else Prediction.of(str(path), next(answers), labels, confidence, point=point)
        for path, problem in zip(paths, problems, strict=True)
    )
    return Predictions(predictions, confidence.known, point)


def _point_with_prior(
    point: OperatingPoint, labels: Sequence[str], shares: Sequence[np.ndarray]
) -> OperatingPoint:
    """Return a point for classes of other shares: what errors cost stays, or what is found does.

    By cost, the threshold holds for probabilities of whatever shares. One by sensitivity moves with
    the probabilities, and finds the same images.
    """
    if point.cost:
        return point
    column = labels.index(point.positive)
    row = np.full((1, 2), 1 - point.threshold)
    row[0, column] = point.threshold
    return replace(point, threshold=float(with_prior(row, *shares)[0, column]))
