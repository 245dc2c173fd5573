"""How long a plan takes, and how many epochs fit into a time."""

from __future__ import annotations

from dataclasses import replace

from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.recipe.plan import Plan
from tlearn.suggestion.time_forecast import Workload, forecast_seconds

_AMPLE = 2
"""Times the epochs of a plan that have to fit for its time to be ample."""


def forecast_plan(workspace: Workspace, plan: Plan, pass_seconds: float) -> float:
    """Return the seconds that a plan will take here.

    Args:
        workspace: Images and backbone.
        plan: What will be trained.
        pass_seconds: From `Session.measure_pass`.
    """
    split, training = plan.split, plan.training
    workload = Workload(
        n_train=split.n_train,
        n_all=split.n_train + split.n_val + split.n_test,
        views=plan.images.views,
        epochs=training.epochs,
        first_trained_stage=training.first_trained_stage,
        n_stages=plan.head.stages[-1],
    )
    return forecast_seconds(workspace.stages, workload, pass_seconds)


def fit_into_time(
    session: Session, workspace: Workspace, plan: Plan, advised: bool = False
) -> Plan:
    """Return the plan with as many epochs as its time allows, if it has a limit and epochs.

    Args:
        session: Its measurements.
        workspace: Images and backbone.
        plan: What to train.
        advised: Whether its policy was found to be the best that fits: where there is ample time,
            such a plan keeps its epochs, which the advice is about.
    """
    if plan.training.seconds is None or not plan.training.epochs:
        return plan

    def with_epochs(epochs: int) -> Plan:
        warmup = plan.training.warmup_epochs * epochs / plan.training.epochs
        return replace(plan, training=replace(plan.training, epochs=epochs, warmup_epochs=warmup))

    pass_seconds = session.measure_pass(workspace)
    one, two = (forecast_plan(workspace, with_epochs(n), pass_seconds) for n in (1, 2))
    left = plan.training.seconds - session.timer.total() - one
    epochs = 1 + max(int(left / (two - one)), 0)
    if advised and epochs >= _AMPLE * plan.training.epochs:
        return replace(plan, training=replace(plan.training, seconds=None))
    return with_epochs(epochs)
