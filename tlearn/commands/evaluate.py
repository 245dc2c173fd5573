"""`tlearn evaluate`: score a run on images it has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.answers import Answers
from tlearn.confidence.novelty import REFUSED
from tlearn.confidence.promises import hold_promises
from tlearn.confidence.strangers import KnownShare, StrangerScores, score_strangers
from tlearn.confidence.temperature import with_temperature
from tlearn.data.image_folder import list_images
from tlearn.errors import DataError, RecipeError, RunError, quoted
from tlearn.evaluation.class_thresholds import (
    ClassThreshold,
    choose_thresholds,
    measure_thresholds,
)
from tlearn.evaluation.gates import GateOutcome, Gates, check_gates, no_such_class
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.operating_point import Cost, OperatingPoint, choose_operating_point
from tlearn.evaluation.positive_class import PositiveClass
from tlearn.evaluation.scores import Scores, score_apart
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import answer
from tlearn.runs.directory import RunDirectory
from tlearn.runs.trained_run import LabeledPixels, TrainedRun


@dataclass(frozen=True)
class Choice:
    """What is to be chosen on validation images, and then measured on others.

    Attributes:
        positive: Of two classes, the one that is looked for; None guesses by the names.
        cost: Of two classes, what errors cost.
        min_sensitivity: Of two classes, the share of positive images to find at least.
        thresholds: Whether to choose a threshold for each class.
    """

    positive: str | None = None
    cost: Cost | None = None
    min_sensitivity: float | None = None
    thresholds: bool = False

    @property
    def needs_validation(self) -> bool:
        """Return whether images to choose on are needed."""
        return bool(self.cost or self.min_sensitivity is not None or self.thresholds)

    def check_classes(self, classes: Sequence[str]) -> None:
        """Make sure that a choice suits the classes.

        Raises:
            RecipeError: It needs two classes, or a class does not exist.
        """
        flags = {
            "--positive": self.positive is not None,
            "--cost": self.cost is not None,
            "--min-sensitivity": self.min_sensitivity is not None,
        }
        given = next((flag for flag, is_set in flags.items() if is_set), None)
        if given and len(classes) != 2:
            raise RecipeError(
                f"{given} is for two classes; the run has {len(classes)}",
                "have a threshold chosen for each class instead: --thresholds",
            )
        if self.positive is not None and self.positive not in classes:
            raise no_such_class("--positive", self.positive, classes)


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
            it was chosen on; None where none was asked for.
        thresholds: For each class; empty where they were not asked for.
        coverage: How promises about sets of answers were kept on images that were not trained on.
        known: How like the training images the images are; None where the run does not say.
        strangers: How images of no class are told from them; None where there were none.
    """

    run: RunDirectory
    scores: Scores
    grouped_by: tuple[str, ...] = ()
    gates: tuple[GateOutcome, ...] = ()
    chosen: OperatingPoint | None = None
    thresholds: tuple[ClassThreshold, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    known: KnownShare | None = None
    strangers: StrangerScores | None = None

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
    progress: ProgressCallback = no_progress,
) -> EvaluateResult:
    """Score a run on its own held-out images, or on another folder.

    Images that were trained on, or may have served to choose settings, are found by their content
    and counted; `scores.unseen` leaves them out, and limits are held against those only. Intervals
    are widened for copies, and for images that belong together by the run's pattern, a column of a
    CSV, their names, or camera and day.

    Args:
        run: The run directory; None takes the newest under runs/.
        folder: Another folder with classes of the run; None takes the split the run reports on.
        data: Where the run's images are now.
        choice: What to choose on validation images, such as an operating point.
        gates: Limits to hold the scores against; `passed` says whether they were kept.
        unknown: Images of none of the run's classes: how many of them are refused.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used, or do not suit `choice` or `gates`.
    """
    trained = TrainedRun.open(run, data, progress)
    choice, gates, classes = choice or Choice(), gates or Gates(), trained.labels
    choice.check_classes(classes)
    gates.check_classes(classes)
    if choice.needs_validation and not trained.manifest.count("val"):
        raise DataError(
            "the run has no validation images to choose a threshold on",
            "train with some: tlearn finetune FOLDER --set val_fraction=0.2",
        )
    if folder is None:
        split = trained.manifest.report_split
        images = trained.read_split(split)
    else:
        split = folder.resolve().name  # "." has none
        images = trained.read_other(folder)
    point, thresholds = _chosen(trained, choice)
    positive = PositiveClass(choice.positive, "given") if choice.positive else None
    answers, confidence = answer(trained, images.pixels), trained.confidence
    probabilities, labels = answers.probabilities, images.labels
    trained_on = trained.manifest.trained_on(images.digests)
    scores = score_apart(
        probabilities,
        labels,
        classes,
        split,
        trained_on,
        images.shared.groups,
        images.shared.copies,
        before=with_temperature(probabilities, 1 / confidence.temperature.value),
        positive=positive,
        point=point,
    )
    thresholds = measure_thresholds(thresholds, probabilities, images.labels)
    limits = _held_against(scores, gates)
    kept = hold_promises(confidence, answers, labels, trained_on, REFUSED)
    strangers = None if unknown is None else _strangers(trained, answers, unknown)
    return EvaluateResult(
        trained.directory,
        scores,
        images.shared.by,
        limits,
        point,
        thresholds,
        kept.coverage,
        kept.known,
        strangers,
    )


def _strangers(trained: TrainedRun, own: Answers, unknown: Path) -> StrangerScores:
    """Return how well images of no class of the run are told from its own."""
    if own.known is None:
        raise RunError(
            f"the run {quoted(trained.directory.path)} cannot tell strangers from its own images",
            "train it again with this tlearn: tlearn finetune FOLDER",
        )
    pixels, _ = trained.read_files(list_images([unknown]))
    if not len(pixels):
        raise DataError(f"no image in {quoted(unknown)} can be read", "name another folder")
    known = answer(trained, pixels).known
    assert known is not None
    return score_strangers(own.known, known, REFUSED)


def _chosen(
    trained: TrainedRun, choice: Choice
) -> tuple[OperatingPoint | None, tuple[ClassThreshold, ...]]:
    """Return what is chosen on the validation images: an operating point, thresholds."""
    if not choice.needs_validation:
        return None, ()
    images: LabeledPixels = trained.read_split("val")
    probabilities = answer(trained, images.pixels).probabilities
    point = None
    if choice.cost or choice.min_sensitivity is not None:
        point = choose_operating_point(
            probabilities,
            images.labels,
            trained.labels,
            choice.positive,
            cost=choice.cost,
            min_sensitivity=choice.min_sensitivity,
            groups=images.shared.groups,
        )
    if not choice.thresholds:
        return point, ()
    return point, choose_thresholds(probabilities, images.labels, trained.labels)


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
