"""From a plan to a trained model and its probabilities on held-out images."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from tlearn.backend.device import unused_gpu
from tlearn.commands.calibrate import (
    Calibration,
    calibrate_head,
    calibrate_network,
    open_network,
)
from tlearn.commands.fitted import FittedModel
from tlearn.commands.heads import head_answers, head_problem, held_out_splits, solve
from tlearn.commands.session import Session
from tlearn.commands.train_one_class import fit_one_class
from tlearn.commands.train_targets import fit_targets
from tlearn.commands.tuning import tune_network
from tlearn.commands.workspace import Workspace
from tlearn.confidence.temperature import with_temperature
from tlearn.data.targets import CLASSES, ONE_CLASS
from tlearn.evaluation.training_warnings import training_warnings
from tlearn.features.head import LinearHead, centered
from tlearn.progress import EpochCallback
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras

    from tlearn.training.loop import History


def fit(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    on_epoch: EpochCallback | None = None,
    checkpoint: Path | None = None,
) -> FittedModel:
    """Train by a plan: solve the head, and tune from there where the plan has epochs.

    Args:
        session: Cache, engines and progress.
        workspace: Images, backbone and, unless training starts from scratch, features.
        plan: What to train.
        on_epoch: Called with the record of every epoch.
        checkpoint: File in which the state of training is kept, and from which it goes on.
    """
    if plan.task == ONE_CLASS:
        return fit_one_class(session, workspace, plan)
    if plan.task != CLASSES:
        return fit_targets(session, workspace, plan, on_epoch, checkpoint)
    head = None
    if workspace.features is not None:
        problem, folds = head_problem(session, workspace, plan)
        head = solve(session, workspace.features, problem, folds, plan.head.solved_l2)
        if not plan.training.epochs:
            session.progress("calibrate", 0, 0)
            with session.timer.time("calibrate"):
                calibration = calibrate_head(
                    workspace.features, problem, folds, plan, head, workspace.dataset
                )
            head = head.calibrated(calibration.temperature.value)
        plan = replace(plan, head=replace(plan.head, solved_l2=head.penalty))
        if not plan.training.epochs:
            probabilities = head_answers(workspace, plan, head)
            return FittedModel(plan, head, probabilities, calibration=calibration)
    model, history = tune_network(session, workspace, plan, head, on_epoch, checkpoint)
    return _fitted(session, workspace, plan, head, model, history)


def _fitted(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    head: LinearHead | None,
    model: keras.Model,
    history: History,
) -> FittedModel:
    """Score and calibrate a tuned network."""
    session.progress("score the model", 0, 0)
    with session.timer.time("check"):
        run = open_network(model)
        splits = held_out_splits(workspace)
        held_out = {split: run(workspace.dataset.rows(split)) for split in splits}
    session.progress("calibrate", 0, 0)
    with session.timer.time("calibrate"):
        calibration = calibrate_network(model, run, held_out, workspace.dataset, plan)
        model = _calibrated(model, calibration)
        probabilities = {
            split: with_temperature(answers, calibration.temperature.value)
            for split, (answers, _) in held_out.items()
        }
    if plan.training.seconds:
        epochs = history.epochs[-1]["epoch"]
        plan = replace(plan, training=replace(plan.training, epochs=epochs))
    return FittedModel(
        plan,
        head=head,
        probabilities=probabilities,
        model=model,
        answer=lambda pixels: run(pixels)[0],
        history=history.epochs,
        interpolation=history.interpolation,
        warnings=training_warnings(
            plan,
            history.epochs,
            history.interpolation,
            workspace.dataset.labels("val"),
            history.parts,
        )
        + unused_gpu(),
        calibration=calibration,
    )


def _calibrated(model: keras.Model, calibration: Calibration) -> keras.Model:
    """Return a tuned network whose head holds the temperature, and whose `known` is set.

    The output is left out where too few images were held out to set it.
    """
    import keras

    from tlearn.models.classifier import HEAD
    from tlearn.models.known import set_known

    head, temperature = model.get_layer(HEAD), calibration.temperature.value
    head.set_weights([centered(weights) / temperature for weights in head.get_weights()])
    if calibration.novelty is None:
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    set_known(model, calibration.novelty)
    return model
