"""What copies on both sides of a split do to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np

from tlearn.commands.judged import Judged
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.split import Fold
from tlearn.doctor.examination import CopyFinding
from tlearn.features.features import HeadProblem
from tlearn.features.store import Views


def measure_leaks(
    session: Session, workspace: Workspace, part: Judged, copies: Sequence[CopyFinding]
) -> dict[str, Any]:
    """Return the accuracy of the best head with and without copies of what it is scored on.

    Args:
        session: Opens the network for what was left out.
        workspace: Images, backbone and features.
        part: The heads.
        copies: Groups of images that show the same.

    Returns:
        "accuracy_with_leaks" and "accuracy_without_leaks"; nothing where there are no copies.
    """
    if any(group.across_splits for group in copies):
        scores = _scores_of_test(session, workspace, part, copies)
    elif copies:
        scores = _cross_validated(workspace, part, copies)
    else:
        return {}
    return dict(zip(("accuracy_with_leaks", "accuracy_without_leaks"), scores, strict=True))


def _cross_validated(
    workspace: Workspace, part: Judged, copies: Sequence[CopyFinding]
) -> tuple[float, float]:
    """Return accuracies of a cross-validation that tears copies apart, and of the one that was."""
    manifest, features, best = workspace.dataset.manifest, workspace.features, part.best
    assert features is not None
    keys, labels = [manifest.digests[row] for row in part.rows], manifest.labels[part.rows]
    problem = HeadProblem(best.stages, keys, labels, len(manifest.classes))
    torn = _torn_folds([manifest.names[row] for row in part.rows], part.folds, copies)
    return features.cross_validate(problem, torn).accuracy, best.accuracy


def _torn_folds(
    names: Sequence[str], folds: Sequence[Fold], copies: Sequence[CopyFinding]
) -> list[Fold]:
    """Return the same folds, but each copy in another one than the first of its group.

    All other images stay where they are, so that chance moves the accuracy as little as can be.
    """
    fold_of = np.empty(len(names), np.int64)
    for number, (_, held_out) in enumerate(folds):
        fold_of[held_out] = number
    position = {name: n for n, name in enumerate(names)}
    for group in copies:
        rows = [position[path] for path in group.paths if path in position]
        for rank, row in enumerate(rows):
            fold_of[row] = (fold_of[rows[0]] + rank) % len(folds)
    return [(np.flatnonzero(fold_of != n), np.flatnonzero(fold_of == n)) for n in range(len(folds))]


def _scores_of_test(
    session: Session, workspace: Workspace, part: Judged, copies: Sequence[CopyFinding]
) -> tuple[float, float]:
    """Return the accuracy on test of a head solved on train with the copies, and without."""
    dataset, features, best = workspace.dataset, workspace.features, part.best
    assert features is not None
    manifest = dataset.manifest
    used, torn = {*manifest.names}, {path for g in copies if g.across_splits for path in g.paths}
    left_out = [
        (info.sha256, image.label)
        for image, info in zip(dataset.folder.images, dataset.pixels.infos, strict=True)
        if image.split == "train" and image.name in torn and image.name not in used
    ]
    step = partial(session.progress, "compute features")
    digests = [digest for digest, _ in left_out]
    features.store.fill(dataset.pixels, digests, session.engine_factory(workspace), Views(), step)
    train, scored = dataset.digests("train"), manifest.report_split
    labels = dataset.labels("train")
    held_out = features.read(features.outputs_of(best.stages), dataset.digests(scored))

    def accuracy(keys: Sequence[str], labels: np.ndarray) -> float:
        problem = HeadProblem(best.stages, keys, labels, len(manifest.classes))
        answers = features.solve(problem, best.cv.penalty).probabilities(held_out)
        return float((answers.argmax(axis=1) == dataset.labels(scored)).mean())

    all_labels = np.array([*labels, *(label for _, label in left_out)], np.int64)
    return accuracy([*train, *digests], all_labels), accuracy(train, labels)
