"""Whether the two best of the backbones at hand, side by side, beat the best of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tlearn.commands.advice import forecast, measure
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.targets import CLASSES
from tlearn.errors import RecipeError
from tlearn.features.features import cross_validate_joined
from tlearn.recipe.schema import AUTO
from tlearn.suggestion.accuracy_forecast import RESAMPLING_SD, expected_accuracy
from tlearn.suggestion.decision import pick_option
from tlearn.suggestion.depth_profile import HeadScore, gain

JOINED_LOG_RATIO, JOINED_LOG_RATIO_SD = -0.13, 0.1
"""Log ratio of the errors of a head on the best two backbones to those of one on the best: what is
usual, and its standard deviation. Over ten folders with 10, 25 and 60 images per class, tested on
others, it was between -0.34 and -0.03. Cross-validation does not show that by itself: it chose the
best of several, and so it is too kind to it."""


def may_join(session: Session, workspace: Workspace) -> bool:
    """Return whether the recipe leaves open a solved head of classes that reads what it likes."""
    if workspace.dataset.folder.task != CLASSES:
        return False
    try:
        plan = session.make_plan(workspace, session.with_suggestion({"policy": "linear_head"}))
    except RecipeError:
        return False
    return session.requested.recipe.head_stages == AUTO and not plan.training.epochs


def cross_validate_pair(session: Session, pair: Sequence[Workspace]) -> HeadScore:
    """Cross-validate a head on the stored features of two backbones side by side."""
    features = [one.features for one in pair if one.features]
    problems = [session.head_problem(one, one.multi_stage) for one in pair]
    n_stages = sum(len(problem.stages) for problem in problems)
    cv = cross_validate_joined(features, problems, pair[0].dataset.folds(session.seed))
    return HeadScore(tuple(range(1, n_stages + 1)), cv)


def compare_forecasts(
    session: Session, best: Workspace, single: HeadScore, joined: HeadScore
) -> tuple[float, float]:
    """Return what the joined head is expected to reach, and the best way to train one backbone.

    Args:
        session: The recipe.
        best: The best single backbone.
        single: A head on it.
        joined: From `cross_validate_pair`.
    """
    measured = measure(session, best)
    heads = measured.evidence.heads
    head = next((one for one in heads if one.head_stages == single.head_stages), heads[0])
    dataset = best.dataset
    ratio = error_ratio(single, joined, dataset.labels("train"), dataset.groups("train"))
    expected = 1 - (1 - expected_accuracy(measured.evidence, head)) * ratio
    return expected, pick_option(forecast(session, best, measured)[0]).accuracy


def error_ratio(
    single: HeadScore, joined: HeadScore, labels: np.ndarray, groups: Sequence[str] = ()
) -> float:
    """Return the errors expected of the joined head, as a multiple of those of the single one.

    What was measured on the same images is shrunk towards what is usual, the more so the less
    certain it is.
    """
    gained, error = gain(single, joined, labels, groups)
    half = 0.5 / len(labels)  # additive smoothing keeps the logarithm finite
    wrong = 1 - single.accuracy + half
    measured = math.log(max(wrong - gained, half) / wrong)
    variance = (error**2 + RESAMPLING_SD**2) / wrong**2
    weight = JOINED_LOG_RATIO_SD**2 / (JOINED_LOG_RATIO_SD**2 + variance)
    return math.exp(JOINED_LOG_RATIO + weight * (measured - JOINED_LOG_RATIO))
