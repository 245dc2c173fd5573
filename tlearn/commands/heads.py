"""Solved heads of a plan, and what they answer on held-out images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.augmentation import augmentation
from tlearn.data.split import Fold
from tlearn.features.features import Features, HeadProblem
from tlearn.features.head import LinearHead
from tlearn.features.store import Views
from tlearn.recipe.plan import Plan


def head_problem(
    session: Session, workspace: Workspace, plan: Plan
) -> tuple[HeadProblem, list[Fold]]:
    """Return what the head is solved on, stored, and the folds that choose its penalty."""
    features, dataset = workspace.features, workspace.dataset
    assert features is not None
    solved_only = plan.policy == "linear_head" and not plan.training.epochs
    count = plan.images.views if solved_only else 1
    policy = augmentation(plan.images.augmentation, plan.images.horizontal_flip)
    with session.timer.time("features"):
        keys = features.store_views(dataset, Views(count, policy, plan.seed), session.progress)
    problem = HeadProblem(
        plan.head.stages,
        keys,
        np.concatenate([dataset.targets("train")] * count),
        len(plan.split.classes),
        plan.head.class_weights,
        plan.task,
        ordered=plan.ordered,
    )
    return problem, _folds_of_views(dataset.folds(plan.seed), count, len(keys))


def solve(
    session: Session,
    features: Features,
    problem: HeadProblem,
    folds: Sequence[Fold],
    penalty: float | None,
) -> LinearHead:
    """Solve the head; without a penalty, with the one that cross-validation chooses."""
    session.progress("solve the head", 0, 0)
    with session.timer.time("head"):
        if penalty is None:
            penalty = features.cross_validate(problem, folds).penalty
        return features.solve(problem, penalty)


def _folds_of_views(folds: Sequence[Fold], count: int, n_rows: int) -> list[Fold]:
    """Return folds of rows that stand view by view; a held-out image is solved on in no view."""
    shifts = np.arange(0, n_rows, n_rows // count)[:, None]
    return [((rows + shifts).ravel(), held_out) for rows, held_out in folds]


def head_answers(workspace: Workspace, plan: Plan, head: LinearHead) -> dict[str, np.ndarray]:
    """Return what a solved head says of the images that it has not learned from, by split."""
    features = workspace.features
    assert features is not None
    outputs = features.outputs_of(plan.head.stages)
    return {
        split: head.probabilities(features.read(outputs, workspace.dataset.digests(split)))
        for split in held_out_splits(workspace)
    }


def held_out_splits(workspace: Workspace) -> list[str]:
    """Return the splits that the model has not learned from, those with images."""
    return [split for split in ("val", "test") if workspace.dataset.manifest.count(split)]
