"""A model that was trained on more images beside the one before, on the same test images."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tlearn.commands.fitted import FittedModel
from tlearn.commands.pairing import Paired, pair
from tlearn.data.dataset import Dataset
from tlearn.data.intervals import share_interval
from tlearn.runs.answering import answer
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class Pairing:
    """The new model beside the old one on n images of classes that both know."""

    n: int
    old_accuracy: float
    paired: Paired


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

    all: Pairing
    own: Pairing
    taken: int
    new_are_unlike: bool = False

    @property
    def worse_on(self) -> Pairing | None:
        """Return on which images the new model is worse by more than chance; None if on none.

        The old run's own images decide as well where the new ones are unlike them: where new labels
        are wrong, those of new test images are too, and speak for the model that has learned them.
        """
        decisive = (self.all, self.own) if self.new_are_unlike else (self.all,)
        return next((pairing for pairing in decisive if pairing.paired.interval[1] < 0), None)


def judge(trained: TrainedRun, dataset: Dataset, fitted: FittedModel) -> Verdict:
    """Hold a model against the one of an earlier run, on images of the classes of that run.

    Args:
        trained: The earlier run; its classes and its test images are among those of the dataset.
        dataset: What the new model was trained on; its first classes are the old ones.
        fitted: The new model.

    Raises:
        RunError: The old model cannot be loaded.
    """
    manifest, n_old = dataset.manifest, len(trained.labels)
    split = manifest.report_split
    rows, labels = manifest.indices(split), dataset.labels(split)
    of_old = labels < n_old
    rows, labels = rows[of_old], labels[of_old]
    pixels = dataset.pixels.rows([manifest.digests[row] for row in rows])
    before = answer(trained, pixels).probabilities.argmax(axis=1) == labels
    answers = fitted.probabilities[split][of_old].argmax(axis=1)
    after = answers == labels
    groups = np.array([manifest.groups[row] for row in rows])
    names = {*trained.manifest.names}
    own = np.array([manifest.names[row] in names for row in rows])

    def pairing(chosen: np.ndarray) -> Pairing:
        paired = pair(before[chosen], after[chosen], groups[chosen].tolist())
        return Pairing(int(chosen.sum()), float(before[chosen].mean()), paired)

    taken = int((before & (answers >= n_old)).sum())
    found = Verdict(pairing(np.ones(len(rows), bool)), pairing(own), taken)
    if own.all():
        return found
    _, most = share_interval(before[~own], groups[~own].tolist())
    return replace(found, new_are_unlike=most < found.own.old_accuracy)
