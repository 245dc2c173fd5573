"""What copies on both sides of a split do to accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tlearn.commands.judged import Judged
from tlearn.commands.session import Session, Workspace
from tlearn.data.sampling import make_folds
from tlearn.doctor.examination import CopyGroup
from tlearn.features.features import HeadProblem
from tlearn.features.store import Views


def measure_leaks(
    session: Session, workspace: Workspace, part: Judged, copies: Sequence[CopyGroup]
) -> dict[str, float]:
    """Return the accuracy of the best head with and without copies of what it is scored on.

    Args:
        session: Its seed draws the folds.
        workspace: Images, backbone and features.
        part: The heads.
        copies: Groups of images that show the same.

    Returns:
        "accuracy_with_leaks" and "accuracy_without_leaks"; nothing where there are no copies.
    """
    if any(group.across_splits for group in copies):
        scores = _scores_of_test(session, workspace, part, copies)
    elif copies:
        scores = _cross_validated(session, workspace, part)
    else:
        return {}
    return dict(zip(("accuracy_with_leaks", "accuracy_without_leaks"), scores, strict=True))


def _cross_validated(session: Session, workspace: Workspace, part: Judged) -> tuple[float, float]:
    """Return accuracies of a cross-validation that tears copies apart, and of the one that was."""
    manifest, features, best = workspace.dataset.manifest, workspace.features, part.best
    assert features is not None
    keys, labels = [manifest.digests[row] for row in part.rows], manifest.labels[part.rows]
    torn = make_folds(labels, [str(row) for row in part.rows], session.seed, len(part.folds))
    problem = HeadProblem(best.stages, keys, labels, len(manifest.classes))
    return features.cross_validate(problem, torn).accuracy, best.accuracy


def _scores_of_test(
    session: Session, workspace: Workspace, part: Judged, copies: Sequence[CopyGroup]
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
