"""Whether the two best of the backbones at hand, side by side, beat the best of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tlearn.commands.advice import forecast, measure
from tlearn.commands.session import Session, Workspace
from tlearn.errors import RecipeError
from tlearn.features.features import cross_validate_joined
from tlearn.recipe.schema import AUTO
from tlearn.suggestion.accuracy_forecast import expected_accuracy
from tlearn.suggestion.decision import pick_option
from tlearn.suggestion.depth_profile import HeadScore
from tlearn.suggestion.matrix import HeadEvidence


def may_join(session: Session, workspace: Workspace) -> bool:
    """Return whether the recipe leaves open a solved head that reads what it likes."""
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
    session: Session, single: Workspace, joined: HeadScore
) -> tuple[float, float]:
    """Return what the joined head is expected to reach, and the best way to train a single one.

    Args:
        session: The recipe.
        single: The best single backbone.
        joined: From `cross_validate_pair`.
    """
    measured = measure(session, single)
    best = pick_option(forecast(session, single, measured)).accuracy
    head = HeadEvidence(joined.head_stages, joined.accuracy)
    return expected_accuracy(replace(measured.evidence, heads=(head,)), head), best
