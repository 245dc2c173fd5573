"""Whether augmentation may flip images left to right: measured where nobody decided it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.augmentation import Augmentation
from tlearn.data.targets import rightness
from tlearn.features.store import Views
from tlearn.recipe.plan import Plan
from tlearn.recipe.schema import AUTO
from tlearn.suggestion.depth_profile import paired_difference

MOST_IMAGES = 200
"""Images whose mirror images are looked at: a pass of seconds."""

CLEAR_SE = 2.0
"""Standard errors beyond which fewer right answers are not chance."""

LEAST_LOSS = 0.01
"""Accuracy lost on mirror images that is too little to matter."""


class _MirrorImages(Views):
    """Each image as it is, then its mirror image."""

    def __init__(self) -> None:
        super().__init__(2, Augmentation("mirror image", flip=True))

    def draw(self, clean: np.ndarray, wanted: Sequence[tuple[str, int]]) -> np.ndarray:
        """Draw views of images; see `Views`."""
        views = [view for _, view in wanted]
        return np.stack(
            [im[:, ::-1] if view else im for im, view in zip(clean, views, strict=True)]
        )


def choose_mirror(session: Session, workspace: Workspace, plan: Plan) -> Plan:
    """Return the plan, without flips if heads recognize mirror images clearly less often.

    Where the recipe decides it, or nothing is augmented or frozen, the plan stays as it is.

    Args:
        session: Recipe, cache and progress.
        workspace: Images and backbone.
        plan: What would be trained.
    """
    is_open = session.requested.recipe.horizontal_flip == AUTO
    if not is_open or plan.images.augmentation == "none" or workspace.extractor is None:
        return plan
    workspace = session.extract_features(workspace)
    session.progress("compare with mirror images", 0, 0)
    with session.timer.time("mirror"):
        n_images, change, error = _measure(session, workspace)
    flip = -change <= max(CLEAR_SE * error, LEAST_LOSS)
    often = f"{100 * abs(change):.1f} points {'more' if change > 0 else 'less'} often"
    reason = f"{n_images} mirror images are recognized {often if change else 'as often'}: "
    reason += "no sign that direction matters" if flip else "direction matters"
    images = replace(plan.images, horizontal_flip=flip)
    return replace(plan, images=images, reasons=plan.reasons | {"horizontal_flip": reason})


def _measure(session: Session, workspace: Workspace) -> tuple[int, float, float]:
    """Cross-validate heads on images and their mirror images; solve them on images only.

    Heads read the last stages together: the last one alone often forgets direction, as the
    backbone was trained on mirror images too.

    Returns:
        How many images, the change of accuracy from image to mirror image, its standard error.
    """
    features, dataset, views = workspace.features, workspace.dataset, _MirrorImages()
    assert features is not None
    problem = session.head_problem(workspace, workspace.multi_stage)
    folds = dataset.folds(session.seed)
    penalty = features.cross_validate(problem, folds).penalty
    held_out = np.concatenate([rows for _, rows in folds])
    sample = np.random.default_rng(session.seed).permutation(held_out)[:MOST_IMAGES]
    digests = [problem.keys[row] for row in sample]
    features.store.fill(dataset.pixels, digests, features.engine, views)
    mirrored = [views.key(digest, 1) for digest in digests]
    labels = np.concatenate([problem.labels, problem.labels[sample]])
    both = replace(problem, keys=[*problem.keys, *mirrored], labels=labels)
    own = [np.flatnonzero(np.isin(sample, rows)) for _, rows in folds]
    pairs = [np.stack([sample[numbers], len(problem.keys) + numbers]) for numbers in own]
    asked = [(solve, pair.ravel()) for (solve, _), pair in zip(folds, pairs, strict=True)]
    answers = features.held_out(both, asked, penalty)
    change = np.zeros(len(sample))
    for numbers, pair, answer in zip(own, pairs, answers, strict=True):
        task = dataset.folder.task
        plain, flipped = rightness(task, answer, labels[pair.ravel()]).reshape(2, -1)
        change[numbers] = flipped - plain
    groups = dataset.groups("train")
    return len(sample), *paired_difference(change, [groups[row] for row in sample])
