"""From a plan to a model of several labels, or of a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tlearn.backend.device import unused_gpu
from tlearn.backend.silence import import_keras
from tlearn.backend.tracing import trace_once
from tlearn.commands.calibrate import Calibration
from tlearn.commands.fitted import FittedModel
from tlearn.commands.heads import head_answers, head_problem, held_out_splits, solve
from tlearn.commands.session import Session
from tlearn.commands.tuning import tune_network
from tlearn.commands.workspace import Workspace
from tlearn.confidence.confidence import UNKNOWN, Confidence, NumberPromise
from tlearn.data.dataset import Dataset
from tlearn.data.pixel_store import PixelArray
from tlearn.data.split import Fold
from tlearn.data.targets import LABELS, NUMBER, NumberScale
from tlearn.evaluation.label_scores import choose_label_thresholds
from tlearn.evaluation.number_scores import LEVEL, promise_half_width
from tlearn.evaluation.predictions import predict_pixels
from tlearn.evaluation.training_warnings import training_warnings
from tlearn.features.features import Features, HeadProblem
from tlearn.features.head import LinearHead
from tlearn.features.target_head import log_is_better
from tlearn.progress import EpochCallback
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras

_FEWEST_VALIDATION = 20
"""Validation images below which they say too little about a tuned network."""


@dataclass(frozen=True, eq=False)
class TargetCalibration(Calibration):
    """What is known of the answers of a model of labels, or of a number.

    Attributes:
        promise: Thresholds of labels, or the interval around a number.
    """

    promise: Confidence = UNKNOWN

    def confidence(self, *_: object) -> Confidence:
        """Return what is kept of it."""
        return self.promise


@dataclass(frozen=True, eq=False)
class _HeldOut:
    """Answers on images that what gave them has not learned from, with targets and groups."""

    answers: np.ndarray
    targets: np.ndarray
    groups: Sequence[str]


def fit_targets(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    on_epoch: EpochCallback | None = None,
    checkpoint: Path | None = None,
) -> FittedModel:
    """Train by a plan, as `train.fit` does: solve the head, and tune from there.

    Args:
        session: Cache, engines and progress.
        workspace: Images, backbone and, unless training starts from scratch, features.
        plan: What to train.
        on_epoch: Called with the record of every epoch.
        checkpoint: File in which the state of training is kept, and from which it goes on.
    """
    dataset = workspace.dataset
    head, out_of_fold, log = None, None, False
    if features := workspace.features:
        problem, folds = head_problem(session, workspace, plan)
        problem = _with_log(features, problem, folds, dataset) if plan.task == NUMBER else problem
        head, log = solve(session, features, problem, folds, plan.head.solved_l2), problem.log
        plan = replace(plan, head=replace(plan.head, solved_l2=head.penalty))
        out_of_fold = _out_of_fold(features, problem, folds, dataset)
    scale = NumberScale.of(dataset.targets("train"), log) if plan.task == NUMBER else None
    if plan.training.epochs:
        return _tuned(session, workspace, plan, head, scale, out_of_fold, on_epoch, checkpoint)
    assert head is not None and out_of_fold is not None
    answers = head_answers(workspace, plan, head)
    held_out = [out_of_fold, *_validation(dataset, answers)]
    calibration = TargetCalibration(promise=_promise(plan.task, held_out, log))
    model = _assembled(session, workspace, plan, head, scale)
    return FittedModel(plan, head, answers, model, _answers_of(model), calibration=calibration)


def _promise(task: str, held_out: Sequence[_HeldOut], log: bool) -> Confidence:
    """Return what held-out answers let us promise: thresholds, or an interval."""
    answers = np.concatenate([part.answers for part in held_out])
    targets = np.concatenate([part.targets for part in held_out])
    if task == LABELS:
        return Confidence(thresholds=tuple(choose_label_thresholds(answers, targets).tolist()))
    groups = [group for part in held_out for group in part.groups]
    width = promise_half_width(answers[:, 0], targets[:, 0], groups, relative=log)
    return Confidence(number=NumberPromise(width, LEVEL, log, len(answers)))


def _with_log(
    features: Features, problem: HeadProblem, folds: Sequence[Fold], dataset: Dataset
) -> HeadProblem:
    """Return the problem with the logarithm of the number, where that predicts it better."""
    if problem.labels.min() <= 0:
        return problem
    logarithmic = replace(problem, log=True)
    plain, log = (features.cross_validate(one, folds) for one in (problem, logarithmic))
    groups = dataset.groups("train") * (len(problem.keys) // len(dataset.groups("train")))
    return logarithmic if log_is_better(plain, log, groups) else problem


def _out_of_fold(
    features: Features, problem: HeadProblem, folds: Sequence[Fold], dataset: Dataset
) -> _HeldOut:
    """Return the answers of the heads of the folds; those held out are images as they are."""
    validation = features.cross_validate(problem, folds)
    used = np.unique(np.concatenate([rows for fold in folds for rows in fold]))
    rows = np.sort(np.concatenate([held_out for _, held_out in folds]))
    groups = dataset.groups("train")
    answers = validation.probabilities[np.searchsorted(used, rows)]
    return _HeldOut(answers, problem.labels[rows], [groups[row] for row in rows])


def _validation(dataset: Dataset, answers: dict[str, np.ndarray]) -> list[_HeldOut]:
    if "val" not in answers:
        return []
    return [_HeldOut(answers["val"], dataset.targets("val"), dataset.groups("val"))]


def _tuned(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    head: LinearHead | None,
    scale: NumberScale | None,
    out_of_fold: _HeldOut | None,
    on_epoch: EpochCallback | None,
    checkpoint: Path | None,
) -> FittedModel:
    dataset = workspace.dataset
    model, history = tune_network(session, workspace, plan, head, on_epoch, checkpoint, scale)
    run = _answers_of(model)
    session.progress("score the model", 0, 0)
    with session.timer.time("check"):
        answers = {split: run(dataset.rows(split)) for split in held_out_splits(workspace)}
    # Of few validation images, the head that tuning began with says more.
    few = dataset.manifest.count("val") < _FEWEST_VALIDATION
    held_out = _validation(dataset, answers)
    if few and out_of_fold is not None:
        held_out.append(out_of_fold)
    if plan.training.seconds:
        epochs = history.epochs[-1]["epoch"]
        plan = replace(plan, training=replace(plan.training, epochs=epochs))
    known = _promise(plan.task, held_out, bool(scale and scale.log)) if held_out else UNKNOWN
    return FittedModel(
        plan,
        head=head,
        probabilities=answers,
        model=model,
        answer=run,
        history=history.epochs,
        interpolation=history.interpolation,
        warnings=training_warnings(
            plan, history.epochs, history.interpolation, dataset.labels("val"), history.parts
        )
        + unused_gpu(),
        calibration=TargetCalibration(promise=known),
    )


def _assembled(
    session: Session,
    workspace: Workspace,
    plan: Plan,
    head: LinearHead,
    scale: NumberScale | None,
) -> keras.Model:
    """Return the network of a solved head."""
    import_keras()
    from tlearn.models.backbone import up_to
    from tlearn.training.fine_tune import assemble

    backbone = up_to(session.load_backbone(workspace.backbone), plan.head.stages[-1])
    return assemble(backbone, plan, head, scale)


def _answers_of(model: keras.Model) -> Callable[[PixelArray], np.ndarray]:
    network = trace_once(model)

    def run(pixels: PixelArray) -> np.ndarray:
        return predict_pixels(network.predict_on_batch, pixels)

    return run
