"""Heads cross-validated on all images of a folder, whatever split they are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.sampling import (
    CROSS_VALIDATION_LIMIT,
    FOLDS,
    FOLDS_OF_MANY,
    MANY_IMAGES,
    make_folds,
    stratified_order,
)
from tlearn.data.split import Fold
from tlearn.features.features import HeadProblem
from tlearn.features.head import CrossValidation
from tlearn.suggestion.depth_profile import HeadScore, measure_profile


@dataclass(frozen=True)
class Judged:
    """A stratified part of a folder's images, with heads that were cross-validated on it.

    Attributes:
        rows: (m,) rows of the manifest.
        folds: Positions among `rows`.
        heads: Each with its held-out probabilities of these rows.
    """

    rows: np.ndarray
    folds: Sequence[Fold]
    heads: Sequence[HeadScore]

    @property
    def best(self) -> HeadScore:
        """Return the best head; ties go to the first."""
        return max(self.heads, key=lambda head: head.accuracy)


def judge(session: Session, workspace: Workspace) -> Iterator[Judged]:
    """Cross-validate heads on all images; of very many, on one part after the other.

    So every image is judged by heads that have not seen it, in bounded memory.

    Args:
        session: Its seed draws the parts and the folds.
        workspace: Images, backbone and features.
    """
    labels = workspace.dataset.manifest.labels
    n_parts = -(-len(labels) // CROSS_VALIDATION_LIMIT)
    order = stratified_order(labels, session.seed)
    for number in range(n_parts):
        yield _judge_part(session, workspace, np.sort(order[number::n_parts]))


def _judge_part(session: Session, workspace: Workspace, rows: np.ndarray) -> Judged:
    manifest, features = workspace.dataset.manifest, workspace.features
    assert features is not None
    labels, keys = manifest.labels[rows], [manifest.digests[row] for row in rows]
    n_folds = FOLDS if len(rows) < MANY_IMAGES else FOLDS_OF_MANY
    folds = make_folds(labels, [manifest.groups[row] for row in rows], session.seed, n_folds)

    def cross_validate(stages: Sequence[int]) -> CrossValidation:
        return features.cross_validate(
            HeadProblem(stages, keys, labels, len(manifest.classes)), folds
        )

    names = [stage.name for stage in workspace.stages]
    profile = measure_profile(names, labels, cross_validate, several=workspace.multi_stage)
    return Judged(rows, folds, profile.scores)


def judge_train(session: Session, workspace: Workspace, heads: Sequence[HeadScore]) -> Judged:
    """Return the training images with heads that were cross-validated on them anyway.

    Args:
        session: Its seed drew the folds.
        workspace: Images, backbone and features.
        heads: From `Session.measure_profile`, or of the plan.
    """
    dataset = workspace.dataset
    folds = dataset.folds(session.seed)
    used = np.sort(np.concatenate([held_out for _, held_out in folds]))
    own = [(np.searchsorted(used, a), np.searchsorted(used, b)) for a, b in folds]
    return Judged(dataset.manifest.indices("train")[used], own, heads)
