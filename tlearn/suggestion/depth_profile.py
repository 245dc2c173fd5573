"""Cross-validated accuracy of a linear head on the features of every stage of a backbone.

Where accuracy peaks before the last stage, the last stages are too specialized: a sign that the
images differ from the source domain. A head may then read an earlier stage, with the rest of the
network cut off, or several stages at once.

References:
    Evci et al. 2022, Head2Toe (arXiv 2201.03529): a head on features of all depths. It selects
    single features by a group lasso; we take the last stages whole, each with the same variance.
    Breiman et al. 1984, Classification and Regression Trees: the one-standard-error rule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from tlearn.features.head import CrossValidation
from tlearn.models.catalog import N_MULTI_STAGE

TIE_SE = 1.0
"""Standard errors of the difference within which the smaller network ties with the better one: the
one-standard-error rule."""

Stages = tuple[int, ...]
"""Numbers of stages, counted from 1, ascending."""


@dataclass(frozen=True)
class HeadScore:
    """Cross-validation of a linear head on the features of some stages.

    Attributes:
        stages: Numbers of the stages it reads.
        cv: Result of the cross-validation.
    """

    stages: Stages
    cv: CrossValidation

    @property
    def accuracy(self) -> float:
        """Return the accuracy on held-out images, or the score of targets that are no classes."""
        return self.cv.accuracy

    @property
    def head_stages(self) -> str:
        """Return the stages as the recipe key `head_stages` has them: "2,4"."""
        return ",".join(map(str, self.stages))


@dataclass(frozen=True)
class DepthProfile:
    """Scores of heads on each stage, and on several, on the same images.

    Attributes:
        names: Names of the stages, input to output.
        single: A head on each stage, input to output.
        multi_stage: A head on several stages together, the last ones.
        labels: (n,) class indices of the images.
        groups: (n,) what images of a group share; empty where all are single.
    """

    names: Sequence[str]
    single: Sequence[HeadScore]
    multi_stage: HeadScore
    labels: np.ndarray
    groups: Sequence[str] = ()

    @property
    def accuracies(self) -> Mapping[str, float]:
        """Return stage name to accuracy, input to output."""
        return {name: head.accuracy for name, head in zip(self.names, self.single, strict=True)}

    @property
    def last(self) -> CrossValidation:
        """Return the cross-validation of the head on the last stage, the embedding."""
        return self.single[-1].cv

    @property
    def best_single(self) -> HeadScore:
        """Return the best head on one stage; ties go to the earliest."""
        return max(self.single, key=lambda head: head.accuracy)

    @property
    def guessing(self) -> float:
        """Return the accuracy of always predicting the most frequent class.

        The score of targets that are no classes is 0 for the best constant answer.
        """
        if self.last.scores is not None:
            return 0.0
        return float(np.bincount(self.labels).max() / len(self.labels))

    @property
    def scores(self) -> Sequence[HeadScore]:
        """Return all heads; the one on several stages only where it reads more than one."""
        return [*self.single, *([self.multi_stage] if len(self.multi_stage.stages) > 1 else [])]

    @property
    def best(self) -> HeadScore:
        """Return the best of all heads; ties go to the earliest."""
        return max(self.scores, key=lambda head: head.accuracy)

    @property
    def smallest(self) -> HeadScore:
        """Return the head on the earliest stage that ties with the best of all heads."""
        best = self.best
        return next(head for head in (*self.single, best) if self.ties(head, best))

    def ties(self, smaller: HeadScore, better: HeadScore) -> bool:
        """Return whether `better` gains no more than `TIE_SE` standard errors over `smaller`."""
        mean, error = self.gain(smaller, better)
        return mean <= TIE_SE * error

    def gain(self, baseline: HeadScore, head: HeadScore) -> tuple[float, float]:
        """Return the accuracy that `head` gains over `baseline`, and its standard error."""
        return gain(baseline, head, self.labels, self.groups)


def gain(
    baseline: HeadScore, head: HeadScore, labels: np.ndarray, groups: Sequence[str] = ()
) -> tuple[float, float]:
    """Return the accuracy that `head` gains over `baseline` on the same images, and its error.

    Args:
        baseline: A head.
        head: Another head, cross-validated on the same images.
        labels: (n,) class indices of the images.
        groups: (n,) what images of a group share; nothing where all are single.

    Returns:
        Mean gain and its standard error, from `paired_difference`.
    """
    held_out = baseline.cv.judged
    baseline_right, head_right = (s.cv.row_scores(labels)[held_out] for s in (baseline, head))
    of_groups = [*compress(groups, held_out)] if groups else ()
    return paired_difference(head_right - baseline_right, of_groups)


def paired_difference(difference: np.ndarray, groups: Sequence[str] = ()) -> tuple[float, float]:
    """Return the mean of paired differences and its standard error.

    One disagreement is added to those observed (additive smoothing), so that a handful of images
    without any does not count as certainty. Where images stand in groups, the error is at least the
    cluster-robust one (Liang and Zeger 1986), of sums over groups.

    Args:
        difference: (n,) 1 where an image was gained, -1 where it was lost, otherwise 0.
        groups: (n,) what images of a group share; nothing where all are single.
    """
    n, mean = len(difference), float(difference.mean())
    variance = float(np.square(difference).mean()) + 1 / n - mean**2
    error = float(np.sqrt(variance / n))
    if groups:
        _, group = np.unique(np.asarray(groups), return_inverse=True)
        sums = np.bincount(group, weights=difference - mean)
        error = max(error, float(np.sqrt(np.square(sums).sum())) / n)
    return mean, error


def last_stages(n_stages: int, joined: bool = False) -> Stages:
    """Return the stages that a multi-stage head reads: of joined backbones all that are kept."""
    numbers = tuple(range(1, n_stages + 1))
    return numbers if joined else numbers[-N_MULTI_STAGE:]


def measure_profile(
    names: Sequence[str],
    labels: np.ndarray,
    cross_validate: Callable[[Stages], CrossValidation],
    groups: Sequence[str] = (),
    several: Stages = (),
) -> DepthProfile:
    """Cross-validate a head on every stage, and one on several stages together.

    Args:
        names: Names of the stages, input to output.
        labels: (n,) class indices.
        cross_validate: Cross-validates a head on the features of the stages it is called with.
        groups: (n,) what images of a group share; nothing where all are single.
        several: Stages that a head reads together; by default the last few.
    """
    single = [HeadScore((n,), cross_validate((n,))) for n, _ in enumerate(names, start=1)]
    several = several or last_stages(len(names))
    return DepthProfile(names, single, HeadScore(several, cross_validate(several)), labels, groups)
