"""What one run gains over another on the same images, with an interval of paired answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.commands.compared_run import Answer
from tlearn.data.groups import join_groups
from tlearn.data.paired_interval import grouped_interval
from tlearn.data.targets import ONE_CLASS
from tlearn.evaluation.target_gains import gain_interval, sampled_scores


@dataclass(frozen=True)
class Paired:
    """A run beside the first one, on the images that were held out in all runs.

    Attributes:
        accuracy: Share of these images answered right; of other tasks than classes the score of
            `target_gains.sampled_scores`.
        gain: By how much this is better than that of the first run.
        interval: 95% interval of the gain, see `paired_interval.grouped_interval`, or
            `target_gains.gain_interval`.
        won: Images that only this run answers right, or that it is nearer at.
        lost: Images that only the first run answers right, or that it is nearer at.
        n_groups: Groups of these images that the interval counts: those that the split of either
            run keeps together.
    """

    accuracy: float
    gain: float
    interval: tuple[float, float]
    won: int
    lost: int
    n_groups: int

    @property
    def is_clear(self) -> bool:
        """Return whether the interval of the gain leaves out zero."""
        low, high = self.interval
        return low > 0 or high < 0


def pair_answers(first: Mapping[str, Answer], other: Mapping[str, Answer]) -> Paired:
    """Hold a run of classes against another one, by the same keys of images."""
    before, after = (
        np.array([answers[key].is_right for key in first]) for answers in (first, other)
    )
    n = len(before)
    # A group has a name of its own in each run.
    groups = join_groups(n, *([answers[key].group for key in first] for answers in (first, other)))
    return pair(before, after, groups)


def pair(before: np.ndarray, after: np.ndarray, groups: Sequence[str]) -> Paired:
    """Hold a model against another one on the same images.

    Args:
        before: (n,) whether the first one answers an image right.
        after: (n,) whether the other one does.
        groups: (n,) what images of a group share.
    """
    won, lost, n = after & ~before, before & ~after, len(before)
    return Paired(
        accuracy=int(after.sum()) / n,
        gain=(int(won.sum()) - int(lost.sum())) / n,
        interval=grouped_interval(won, lost, groups),
        won=int(won.sum()),
        lost=int(lost.sum()),
        n_groups=len({*groups}),
    )


def pair_targets(
    task: str, common: Sequence[Mapping[str, Answer]]
) -> tuple[tuple[Paired, ...], str]:
    """Hold the runs of another task than classes against the first, or say why that cannot be."""
    first = common[0]
    if not first:
        return (), ""
    targets, answers = matrices(common)
    if task == ONE_CLASS and len({*targets[:, 0]}) < 2:
        return (), "the common images are not both good and bad: there is no paired interval"
    pairs = []
    for other, outputs in zip(common, answers, strict=True):
        keys = ([of[key].group for key in first] for of in (first, other))
        groups = join_groups(len(first), *keys)
        if len({*groups}) < 2:
            return (), "the common images are one group: there is no paired interval"
        gain, ends = gain_interval(task, answers[0], outputs, targets, groups)
        before, after = (np.nansum(np.abs(of - targets), axis=1) for of in (answers[0], outputs))
        score = float(sampled_scores(task, outputs, targets, np.ones((1, len(targets))))[0])
        won, lost = int((after < before).sum()), int((after > before).sum())
        pairs.append(Paired(score, gain, ends, won, lost, len({*groups})))
    return tuple(pairs), ""


def matrices(common: Sequence[Mapping[str, Answer]]) -> tuple[np.ndarray, list[np.ndarray]]:
    """Return the targets of the images, and the outputs of each run."""
    targets = np.array([answer.truth for answer in common[0].values()], float)
    return targets, [np.array([a.predicted for a in of.values()], float) for of in common]
