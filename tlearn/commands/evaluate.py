"""`tlearn evaluate`: score a run on images it has not seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from tlearn.commands.evaluate_targets import TargetEvaluateResult, evaluate_targets
from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.answers import Answers
from tlearn.confidence.novelty import REFUSED
from tlearn.confidence.operating_point import OperatingPoint
from tlearn.confidence.promises import hold_promises
from tlearn.confidence.strangers import KnownShare, StrangerScores, score_strangers
from tlearn.confidence.temperature import with_temperature
from tlearn.data.image_folder import list_images
from tlearn.data.targets import CLASSES
from tlearn.errors import DataError, RunError, quoted
from tlearn.evaluation.choice import NO_CHOICE, Choice
from tlearn.evaluation.class_thresholds import (
    ClassThreshold,
    choose_thresholds,
    measure_thresholds,
)
from tlearn.evaluation.gates import GateOutcome, Gates, check_gates
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.positive_class import PositiveClass
from tlearn.evaluation.scores import Scores, score_apart
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import Network, answer, open_network
from tlearn.runs.directory import RunDirectory
from tlearn.runs.kept_point import forget_point, keep_point, read_point
from tlearn.runs.metrics import read_metrics
from tlearn.runs.run_images import LabeledPixels
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.digest import digest_of_file


@dataclass(frozen=True)
class EvaluateResult:
    """A run and its scores.

    Attributes:
        run: The run.
        scores: On all images and, if some of them were trained on, on the others.
        grouped_by: What tells the groups that intervals count: "copies", "names (personN)"; empty
            for the run's own images, whose groups are those of its split.
        gates: Limits, and whether they were kept on images that were not trained on.
        chosen: Of two classes, the operating point with its rates on the validation images that
            it was chosen on; None where none was asked for, and none is kept in the run.
        is_kept: Whether the run answers by it.
        thresholds: For each class; empty where they were not asked for.
        coverage: How promises about sets of answers were kept on images that were not trained on.
        known: How like the training images the images are; None where the run does not say.
        strangers: How images of no class are told from them: those that were named or, for the
            run's own split, those that had been kept to test it; None where there were none.
        refused: Class to its images that were not trained on and are refused, however probable it
            is; empty where the run does not say.
        forgot: Whether a kept operating point was forgotten; None where that was not asked for.
    """

    run: RunDirectory
    scores: Scores
    grouped_by: tuple[str, ...] = ()
    gates: tuple[GateOutcome, ...] = ()
    chosen: OperatingPoint | None = None
    is_kept: bool = False
    thresholds: tuple[ClassThreshold, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    known: KnownShare | None = None
    strangers: StrangerScores | None = None
    refused: Mapping[str, int] = field(default_factory=dict)
    forgot: bool | None = None

    @property
    def report(self) -> Report:
        """Return the scores on all images."""
        return self.scores.report

    @property
    def passed(self) -> bool:
        """Return whether every limit was kept."""
        return all(outcome.passed for outcome in self.gates)


def evaluate(
    run: Path | None,
    folder: Path | None = None,
    *,
    data: Path | None = None,
    choice: Choice | None = None,
    gates: Gates | None = None,
    unknown: Path | None = None,
    keep: bool = False,
    forget: bool = False,
    progress: ProgressCallback = no_progress,
) -> EvaluateResult | TargetEvaluateResult:
    """Score a run on its own held-out images, or on another folder.

    Images that were trained on, or may have served to choose settings, are found by their content
    and counted; `scores.unseen` leaves them out, and limits are held against those only. Intervals
    are widened for copies, and for images that belong together.

    Args:
        run: The run directory; None takes the newest under runs/.
        folder: Another folder with classes of the run; None takes the split the run reports on.
        data: Where the run's images are now.
        choice: What to choose on validation images, such as an operating point.
        gates: Limits to hold the scores against; see `passed`.
        unknown: Images of none of the run's classes: how many of them are refused.
        keep: Have the run answer by the chosen operating point, in `predict` and exports.
        forget: Have it answer the more probable class again.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used, or do not suit `choice` or `gates`.
    """
    forgot = forget_point(RunDirectory.open(run)) if forget else None
    trained = TrainedRun.open(run, data, progress)
    if trained.plan.task != CLASSES:
        asked = {**vars(gates or Gates()), **vars(choice or NO_CHOICE), "keep": keep}
        return evaluate_targets(trained, folder, {**asked, "unknown": unknown})
    choice, gates, classes = choice or NO_CHOICE, gates or Gates(), trained.labels
    choice.check(classes, trained.manifest.count("val"))
    gates.check_classes(classes)
    split = folder.resolve().name if folder else trained.manifest.report_split  # "." has no name
    images = trained.read_other(folder) if folder else trained.read_split(split)
    network = open_network(trained, len(images.pixels))
    point, is_kept, thresholds = _chosen(trained, network, choice)
    named = point.positive if point and is_kept else choice.positive
    answers = answer(trained, images.pixels, network)
    trained_on = trained.manifest.trained_on(images.digests)
    scores = _scored(trained, images, split, trained_on, answers.probabilities, named, point)
    promised = trained.confidence, answers, images.labels, trained_on, REFUSED
    kept = hold_promises(*promised, classes=classes)
    strangers = _strangers(trained, network, answers, unknown, folder)
    if keep and point:
        keep_point(trained.directory, point)
    return EvaluateResult(
        *(trained.directory, scores, images.shared.by, _held_against(scores, gates), point),
        is_kept or (keep and point is not None),
        measure_thresholds(thresholds, answers.probabilities, images.labels),
        *(kept.coverage, kept.known, strangers, kept.refused, forgot),
    )


def _scored(
    trained: TrainedRun,
    images: LabeledPixels,
    split: str,
    trained_on: np.ndarray,
    probabilities: np.ndarray,
    positive: str | None,
    point: OperatingPoint | None,
) -> Scores:
    return score_apart(
        probabilities,
        images.labels,
        trained.labels,
        split,
        trained_on,
        images.shared.groups,
        images.shared.copies,
        before=with_temperature(probabilities, 1 / trained.confidence.temperature.value),
        positive=PositiveClass(positive, "given") if positive else None,
        point=point,
        ordered=trained.plan.ordered,
    )


def _strangers(
    trained: TrainedRun, network: Network, own: Answers, unknown: Path | None, folder: Path | None
) -> StrangerScores | None:
    """Return how well images of no class are told: those named, or those that the run has kept."""
    taught = read_metrics(trained.directory).taught
    if unknown is None:
        return taught.scores if taught and folder is None else None
    if own.known is None:
        raise RunError(
            f"the run {quoted(trained.directory.path)} cannot tell strangers from its own images",
            "train it again with this tlearn: tlearn finetune FOLDER",
        )
    files = list_images([unknown])
    pixels, problems = trained.read_files(files)
    if not len(pixels):
        raise DataError(f"no image in {quoted(unknown)} can be read", "name another folder")
    known = answer(trained, pixels, network).known
    assert known is not None
    readable = [file for file, problem in zip(files, problems, strict=True) if not problem]
    digests = [digest_of_file(file) for file in readable]
    learned = trained.manifest.trained_on(digests)
    learned |= np.isin(digests, taught.digests if taught else ())
    return replace(score_strangers(own.known, known, REFUSED), trained_on=int(learned.sum()))


def _chosen(
    trained: TrainedRun, network: Network, choice: Choice
) -> tuple[OperatingPoint | None, bool, tuple[ClassThreshold, ...]]:
    """Return a point chosen on validation images, or the kept one; whether it is; thresholds."""
    point, thresholds = None, tuple[ClassThreshold, ...]()
    if choice.needs_validation:
        images = trained.read_split("val")
        answers, labels = answer(trained, images.pixels, network), images.labels
        probabilities = answers.probabilities
        point = choice.point(probabilities, labels, trained.labels, images.shared.groups)
        if choice.thresholds:
            thresholds = choose_thresholds(probabilities, labels, trained.labels)
    kept = None if point else read_point(trained.directory, trained.labels)
    if kept and choice.positive in (None, kept.positive):
        return kept, True, thresholds
    return point, False, thresholds


def _held_against(scores: Scores, gates: Gates) -> tuple[GateOutcome, ...]:
    if not gates:
        return ()
    if scores.judged is None:
        raise DataError(
            f"all {scores.report.n:,} images were trained on or may have served to choose"
            " settings: there is nothing to hold limits against",
            "name images that the run has not seen: tlearn evaluate RUN FOLDER",
        )
    return check_gates(scores.judged, gates)
