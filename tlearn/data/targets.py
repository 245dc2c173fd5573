"""What a model learns of each image: its class, several labels, or a number.

Splits and folds are drawn class by class. Where images have no class, *strata* stand in for
classes: ranges of a number or, of several labels, the rarest that an image has, so that a rare
label is in every split (the first step of Sechidis et al. 2011, On the stratification of
multi-label data, for images one by one).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np

from tlearn.errors import DataError

Task = Literal["classes", "labels", "number", "one_class"]
CLASSES: Final = "classes"
LABELS: Final = "labels"
NUMBER: Final = "number"
ONE_CLASS: Final = "one_class"
ORDINAL, NUMBERS = "ordinal", "numbers"
"""What recipes call classes that are steps of a scale, and their order by numbers in their names.
The task is CLASSES there: it differs in the penalty of the head, in scores, and in which class is
answered."""

NO_LABEL, RARER = "(no label)", "(rarer labels)"
_ENOUGH = (14, 8, 3)
"""Images of a stratum, at least: of 14, two are in val. The second and third where the first leaves
a single stratum."""

_STRATA, _IMAGES_OF_STRATUM = 8, 14


def ensure_classes(task: str, what: str) -> None:
    """Refuse what is made for classes alone.

    Args:
        task: What is learned, or answered.
        what: What is asked for: a command or a flag.

    Raises:
        DataError: It is something else.
    """
    if task != CLASSES:
        learned = {
            LABELS: "several labels an image",
            NUMBER: "a number",
            ONE_CLASS: "what good images are like",
        }[task]
        raise DataError(
            f"{what} cannot be used here: what was learned is {learned}",
            "what works with it: tlearn finetune, evaluate, predict, explain, compare, describe, "
            "export and check",
        )


def matrix(given: Sequence[Mapping[str, float]], names: Sequence[str]) -> np.ndarray:
    """Return targets (images, names); of a label that is not mentioned, 0.

    Args:
        given: For each image, name to 0 or 1 or NaN, or to the number.
        names: Of the labels, or of the number.
    """
    return np.array([[image.get(name, 0.0) for name in names] for image in given], np.float64)


def strata(task: str, names: Sequence[str], targets: np.ndarray) -> list[str]:
    """Return for each image the name of what it is to be divided by.

    Args:
        task: LABELS or NUMBER.
        names: Of the labels, or of the number.
        targets: (n, len(names)).

    Raises:
        DataError: There is nothing to learn, see `refuse_constant`.
    """
    refuse_constant(task, names, targets)
    if task == NUMBER:
        return _ranges(targets[:, 0])
    present = np.nansum(targets, axis=0)
    rarity = np.where(targets == 1, -present, -np.inf)
    rarest = [names[column] for column in rarity.argmax(axis=1)]
    labeled = (targets == 1).any(axis=1)
    own = [name if has else NO_LABEL for name, has in zip(rarest, labeled, strict=True)]
    for enough in _ENOUGH:
        counts = Counter(own)
        joined = [name if counts[name] >= enough else RARER for name in own]
        if len({*joined}) > 1:
            break
    counts = Counter(joined)
    if counts[RARER] < enough and len(counts) > 2:
        ((largest, _),) = counts.most_common(1)
        joined = [largest if name == RARER else name for name in joined]
    return joined


def refuse_constant(task: str, names: Sequence[str], targets: np.ndarray) -> None:
    """Refuse targets that say nothing: one number for all, labels that all or no image has.

    Args:
        task: LABELS or NUMBER; of good images, anything goes.
        names: Of the labels, or of the number.
        targets: (n, len(names)).
    """
    if task == NUMBER and len(np.unique(targets)) < 2:
        raise DataError(
            f"{names[0]!r} is {targets[0, 0]:g} for every image to train on: there is nothing to "
            "learn",
            "name a table in which the numbers differ: tlearn suggest TABLE.csv",
        )
    if task == LABELS and not ((targets == 1).any(axis=0) & (targets == 0).any(axis=0)).any():
        labels = ", ".join(map(repr, names[:3]))
        same = f"the labels {labels} are the same for every image to train on"
        raise DataError(
            f"{same if names else 'no image has a label'}: there is nothing to tell apart",
            "add images with other labels, or without any: tlearn suggest TABLE.csv",
        )


def _ranges(values: np.ndarray) -> list[str]:
    count = max(2, min(_STRATA, len(values) // _IMAGES_OF_STRATUM))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, count + 1)[1:-1], method="lower"))
    edges = edges[edges < values.max()]
    if not len(edges):  # most images have the largest number
        edges = np.array([np.sort(values[values < values.max()])[-1]])
    stratum = np.searchsorted(edges, values)
    names = [
        f"{values[stratum == number].min():g} to {values[stratum == number].max():g}"
        for number in range(len(edges) + 1)
    ]
    return [names[number] for number in stratum]


def rightness(
    task: str, answers: np.ndarray, targets: np.ndarray, thresholds: Sequence[float] = ()
) -> np.ndarray:
    """Return how right each answer is, (n,), 1 for a perfect one; their mean is an accuracy.

    Of labels it is the share of the known ones that are right, 0 where none is known; of a number,
    what is taken away of the mean error of always answering the median.

    Args:
        task: One of `Task`.
        answers: (n, outputs).
        targets: Classes (n,), else (n, outputs).
        thresholds: From which each label is answered; one half where none are given.
    """
    if task == CLASSES:
        return (answers.argmax(axis=1) == targets).astype(float)
    if task == NUMBER:
        return np.asarray(1 - np.abs(answers - targets)[:, 0] / mean_of_median(targets))
    known = ~np.isnan(targets)
    said = answers >= np.array(thresholds or (0.5,))
    right = (said == (targets == 1)) & known
    return np.asarray(right.sum(axis=1) / np.maximum(known.sum(axis=1), 1))


def mean_of_median(numbers: np.ndarray) -> float:
    """Return the mean error of always answering the median, in the unit of numbers (n, 1)."""
    return float(np.abs(numbers - np.median(numbers)).mean()) or 1.0


@dataclass(frozen=True)
class NumberScale:
    """The unit in which a number is learned: standard deviations from the mean, or of its log.

    Attributes:
        mean: Of the training numbers, or of their logarithms.
        sd: Their standard deviation.
        log: Whether the logarithm is learned.
    """

    __pydantic_config__: ClassVar[dict[str, Any]] = {"extra": "forbid"}

    mean: float
    sd: float
    log: bool = False

    @classmethod
    def of(cls, numbers: np.ndarray, log: bool = False) -> NumberScale:
        """Return the scale of training numbers (n,) or (n, 1)."""
        numbers = np.log(numbers) if log else numbers
        return cls(float(numbers.mean()), float(numbers.std()), log)

    def standardized(self, numbers: np.ndarray) -> np.ndarray:
        """Return numbers in the unit in which they are learned."""
        return np.asarray(((np.log(numbers) if self.log else numbers) - self.mean) / self.sd)

    def restored(self, standardized: np.ndarray) -> np.ndarray:
        """Return answers in the unit of the label."""
        numbers = standardized * self.sd + self.mean
        return np.asarray(np.exp(numbers) if self.log else numbers)
