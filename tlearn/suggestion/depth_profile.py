"""How well a linear head does on the features of every stage, on pictures it has not seen.

Where accuracy peaks before the end, the last stages are too specialised: the sign of pictures
unlike the source. A head may then read an earlier stage, with the rest of the network cut off, or
several stages at once.

References:
    Evci et al. 2022, Head2Toe (arXiv 2201.03529): a head on features of all depths. It selects
    single features by a group lasso; we take the last stages whole, each with the same variance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.features.linear_head import CrossValidation

TIE = 1.0
"""Standard errors of the difference within which the smaller network is as good."""

SEVERAL = 3
"""Stages that a head on several reads, the last ones. Over 80 draws of ten folders (10 and 25
pictures a class, two backbones) that gained 1.9 points over the last stage alone, all five 2.0, the
last two 1.7, the first of these with the least loss anywhere; growing the set while
cross-validation rises gained less than one, since with few pictures it takes luck for skill."""

Stages = tuple[int, ...]
"""Numbers from 1, ascending."""


@dataclass(frozen=True)
class HeadScore:
    """A head on the features of some stages.

    Attributes:
        stages: Which.
        cv: What cross-validation said of it.
    """

    stages: Stages
    cv: CrossValidation

    @property
    def accuracy(self) -> float:
        """On pictures that the head had not seen."""
        return self.cv.accuracy

    @property
    def head_stages(self) -> str:
        """As the recipe's key has it."""
        return ",".join(map(str, self.stages))


@dataclass(frozen=True)
class DepthProfile:
    """What heads on each stage, and on several, said of the same pictures.

    Attributes:
        names: Of the stages, input to output.
        single: A head on each stage, input to output.
        multi_stage: A head on the last `SEVERAL` stages together.
        labels: (n,) class indices of the pictures.
    """

    names: Sequence[str]
    single: Sequence[HeadScore]
    multi_stage: HeadScore
    labels: np.ndarray

    @property
    def accuracies(self) -> Mapping[str, float]:
        """Stage name to accuracy, input to output."""
        return {n: score.accuracy for n, score in zip(self.names, self.single, strict=True)}

    @property
    def last(self) -> CrossValidation:
        """What was said of the last stage, the embedding."""
        return self.single[-1].cv

    @property
    def best_single(self) -> HeadScore:
        """The first stage that no other beats."""
        return max(self.single, key=lambda score: score.accuracy)

    @property
    def guessing(self) -> float:
        """Accuracy of naming the most frequent class, whatever the picture."""
        return float(np.bincount(self.labels).max() / len(self.labels))

    @property
    def scores(self) -> Sequence[HeadScore]:
        """All of them: on each stage, and on several where there is more than one."""
        return [*self.single, *([self.multi_stage] if len(self.multi_stage.stages) > 1 else [])]

    @property
    def best(self) -> HeadScore:
        """The first of these that no other beats."""
        return max(self.scores, key=lambda score: score.accuracy)

    @property
    def smallest(self) -> HeadScore:
        """The first stage that the best reading does not beat by more than `TIE` errors."""
        best = self.best
        return next(one for one in (*self.single, best) if self.ties(one, best))

    def ties(self, one: HeadScore, other: HeadScore) -> bool:
        """Whether `other` is better by no more than chance."""
        gain, error = self.gain(one, other)
        return gain <= TIE * error

    def gain(self, one: HeadScore, other: HeadScore) -> tuple[float, float]:
        """See the function `gain`."""
        return gain(one, other, self.labels)


def gain(one: HeadScore, other: HeadScore, labels: np.ndarray) -> tuple[float, float]:
    """Accuracy of `other` minus that of `one` on the same pictures, and its standard error."""
    seen = one.cv.probabilities.sum(axis=1) > 0
    right = [
        (score.cv.probabilities[seen].argmax(axis=1) == labels[seen]).astype(float)
        for score in (one, other)
    ]
    return paired(right[1] - right[0])


def paired(difference: np.ndarray) -> tuple[float, float]:
    """Mean of what pictures gained (1), kept (0) or lost (-1), and its standard error.

    The error counts one disagreement more than there was: none among few is no certainty.
    """
    n, mean = len(difference), float(difference.mean())
    variance = float(np.square(difference).mean()) + 1 / n - mean**2
    return mean, float(np.sqrt(variance / n))


def measure_profile(
    names: Sequence[str], labels: np.ndarray, check: Callable[[Stages], CrossValidation]
) -> DepthProfile:
    """Check a head on every stage, and one on the last few together.

    Args:
        names: Of the stages, input to output.
        labels: (n,) class indices.
        check: Cross-validates a head on the features of some stages.
    """
    numbers = tuple(range(1, len(names) + 1))
    single = [HeadScore((number,), check((number,))) for number in numbers]
    multi_stage = numbers[-SEVERAL:]
    return DepthProfile(names, single, HeadScore(multi_stage, check(multi_stage)), labels)
