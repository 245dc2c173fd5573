"""From a plan to a trained model and its probabilities on held-out images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.precision import use_deterministic_operations
from tlearn.backend.silence import import_keras
from tlearn.commands.calibrate import (
    UNCALIBRATED,
    Calibration,
    calibrate_head,
    calibrate_network,
    open_network,
)
from tlearn.commands.session import Session, Workspace
from tlearn.confidence.temperature import with_temperature
from tlearn.data.augmentation import augmentation
from tlearn.data.pixel_store import PixelArray
from tlearn.data.split import Fold
from tlearn.evaluation.training_warnings import training_warnings
from tlearn.features.features import Features, HeadProblem
from tlearn.features.linear_head import LinearHead, centered
from tlearn.features.store import Views
from tlearn.progress import EpochCallback
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras

    from tlearn.training.loop import History


@dataclass(frozen=True)
class FittedModel:
    """A trained model, or a solved head, and what it answers on held-out images.

    Attributes:
        plan: The plan, with the L2 penalty that was chosen.
        head: The solved head, from which tuning began; None from scratch.
        probabilities: Held-out split to what the model says of it: (n, classes).
        model: The trained network; None for a solved head on an untouched backbone.
        answer: Gives its probabilities of images; None where there is none.
        history: Epoch records.
        interpolation: Position between the solved head (0) and the end of tuning (1), or None.
        warnings: What went wrong in training, and what to do about it.
        calibration: Its temperature, which is in `head` or `model` and in `probabilities` already,
            and what tells its own kinds of images from others.
    """

    plan: Plan
    head: LinearHead | None
    probabilities: Mapping[str, np.ndarray]
    model: keras.Model | None = None
    answer: Callable[[PixelArray], np.ndarray] | None = None
    history: Sequence[Mapping[str, Any]] = ()
    interpolation: float | None = None
    warnings: tuple[str, ...] = ()
    calibration: Calibration = UNCALIBRATED


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
            probabilities = _head_probabilities(workspace, plan, head)
            return FittedModel(plan, head, probabilities, calibration=calibration)
    model, history = _tune(session, workspace, plan, head, on_epoch, checkpoint)
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
        held_out = {split: run(workspace.dataset.rows(split)) for split in _held_out(workspace)}
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
        ),
        calibration=calibration,
    )


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
        np.tile(dataset.labels("train"), count),
        len(plan.split.classes),
        plan.head.class_weights,
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


def _folds_of_views(folds: Sequence[Fold], count: int, n_rows: int) -> list[Fold]:
    """Return folds of rows that stand view by view; a held-out image is solved on in no view."""
    shifts = np.arange(0, n_rows, n_rows // count)[:, None]
    return [((rows + shifts).ravel(), held_out) for rows, held_out in folds]


def _head_probabilities(
    workspace: Workspace, plan: Plan, head: LinearHead
) -> dict[str, np.ndarray]:
    features = workspace.features
    assert features is not None
    outputs = features.outputs_of(plan.head.stages)
    return {
        split: head.probabilities(features.read(outputs, workspace.dataset.digests(split)))
        for split in _held_out(workspace)
    }


def _tune(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    head: LinearHead | None,
    on_epoch: EpochCallback | None,
    checkpoint: Path | None,
) -> tuple[keras.Model, History]:
    """Tune the stages that the plan names, in the precision that it names."""
    session.progress("load TensorFlow", 0, 0)
    with session.timer.time("load"):
        keras = import_keras()
    from tlearn.training.fine_tune import TrainingContext, fine_tune

    seconds = plan.training.seconds
    context = TrainingContext(
        plan=plan,
        dataset=workspace.dataset,
        cache=session.cache,
        engines=session.engines,
        progress=session.progress,
        timer=session.timer,
        on_epoch=on_epoch,
        checkpoint=checkpoint,
        deadline=session.timer.started + seconds if seconds else None,
    )
    keras.utils.set_random_seed(plan.seed)
    if plan.training.deterministic:
        use_deterministic_operations()
    keras.config.set_dtype_policy(plan.training.precision)
    try:
        is_float32 = plan.training.precision == "float32"
        resolved = workspace.backbone
        network = session.load_backbone(resolved, to_train=True) if is_float32 else resolved.load()
        return fine_tune(network, head, context)
    finally:
        keras.config.set_dtype_policy("float32")


def _held_out(workspace: Workspace) -> list[str]:
    return [split for split in ("val", "test") if workspace.dataset.manifest.count(split)]
