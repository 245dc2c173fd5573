"""A model that was trained on more images beside the one before, on the same test images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from tlearn.commands.fitted import FittedModel
from tlearn.commands.pairing import Paired, pair
from tlearn.data.dataset import Dataset
from tlearn.data.intervals import Interval, mean_interval, share_interval
from tlearn.data.order import answered
from tlearn.data.targets import CLASSES, rightness
from tlearn.evaluation.paired_scores import PairedScores, compare_scores
from tlearn.evaluation.wording import percent
from tlearn.runs.answering import answer
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class Pairing:
    """The new model beside the old one on n images of classes that both know."""

    n: int
    old_accuracy: float
    paired: Paired

    what: ClassVar[str] = "old classes"
    does: ClassVar[str] = "is right on"

    @property
    def interval(self) -> Interval:
        """Return the 95% interval of how much more accurate the new model is."""
        return self.paired.interval

    def in_words(self) -> tuple[str, str, str, str]:
        """Return the accuracy before and after, the change in points and its interval."""
        change, low, high = (f"{100 * v:+.1f}" for v in (self.paired.gain, *self.interval))
        old, new = percent(self.old_accuracy), percent(self.paired.accuracy)
        return old, new, change, f"{low} to {high}"


@dataclass(frozen=True)
class Verdict:
    """What the update does to the classes of before, on images that neither model has learned.

    Attributes:
        all: On test images of the old run, and new ones of its classes.
        own: On those of the old run alone.
        taken: Images that the old model answers right, and the new one with a new class.
        new_are_unlike: Whether the old model does worse on the new images than on its own, by more
            than chance.
    """

    all: Pairing | PairedScores
    own: Pairing | PairedScores
    taken: int
    new_are_unlike: bool = False

    @property
    def worse_on(self) -> Pairing | PairedScores | None:
        """Return on which images the new model is worse by more than chance; None if on none.

        The old run's own images decide as well where the new ones are unlike them: where new labels
        are wrong, those of new test images are too, and speak for the model that has learned them.
        """
        decisive = (self.all, self.own) if self.new_are_unlike else (self.all,)
        return next((one for one in decisive if one.interval and one.interval[1] < 0), None)


def judge(trained: TrainedRun, dataset: Dataset, fitted: FittedModel) -> Verdict:
    """Hold a model against the one of an earlier run, on images of the classes of that run.

    Args:
        trained: The earlier run; its classes and its test images are among those of the dataset.
        dataset: What the new model was trained on; its first classes are the old ones.
        fitted: The new model.

    Raises:
        RunError: The old model cannot be loaded.
    """
    if trained.plan.task != CLASSES:
        return _judge_targets(trained, dataset, fitted)
    manifest, n_old = dataset.manifest, len(trained.labels)
    split = manifest.report_split
    rows, labels = manifest.indices(split), dataset.labels(split)
    of_old = labels < n_old
    rows, labels = rows[of_old], labels[of_old]
    pixels = dataset.pixels.rows([manifest.digests[row] for row in rows])
    ordered = trained.plan.ordered
    before = answered(answer(trained, pixels).probabilities, ordered) == labels
    answers = answered(fitted.probabilities[split][of_old], ordered)
    after = answers == labels
    groups = np.array([manifest.groups[row] for row in rows])
    names = {*trained.manifest.names}
    own = np.array([manifest.names[row] in names for row in rows])

    def pairing(chosen: np.ndarray) -> Pairing:
        paired = pair(before[chosen], after[chosen], groups[chosen].tolist())
        return Pairing(int(chosen.sum()), float(before[chosen].mean()), paired)

    taken = int((before & (answers >= n_old)).sum())
    of_own = pairing(own)
    found = Verdict(pairing(np.ones(len(rows), bool)), of_own, taken)
    if own.all():
        return found
    _, most = share_interval(before[~own], groups[~own].tolist())
    return replace(found, new_are_unlike=most < of_own.old_accuracy)


def _judge_targets(trained: TrainedRun, dataset: Dataset, fitted: FittedModel) -> Verdict:
    manifest, task = dataset.manifest, trained.plan.task
    split = manifest.report_split
    targets, groups = dataset.targets(split), np.array(dataset.groups(split))
    before, after = answer(trained, dataset.rows(split)).probabilities, fitted.probabilities[split]
    names = {*trained.manifest.names}
    own = np.array([manifest.names[row] in names for row in manifest.indices(split)])
    all_, of_own = (
        compare_scores(task, before[on], after[on], targets[on], groups[on].tolist())
        for on in (np.ones(len(own), bool), own)
    )
    found = Verdict(all_, of_own, 0)
    if own.all():
        return found
    wrong = 1 - rightness(task, before, targets)
    ends = mean_interval(wrong[~own], groups[~own].tolist())
    return replace(found, new_are_unlike=bool(ends and ends[0] > wrong[own].mean()))
