"""From a plan to a finished run: solve, tune, save, read back, score, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.backend.silence import import_keras
from tlearn.commands.session import Session
from tlearn.data.augmentation import augmentation
from tlearn.data.split import Fold, write_manifest
from tlearn.errors import RunError
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predictions import predict_pixels
from tlearn.evaluation.report import write_report
from tlearn.features.linear_head import LinearHead, solve_head
from tlearn.features.store import Views
from tlearn.models.head_template import (
    keep_template,
    make_template,
    open_template,
    read_head,
    with_head,
)
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import write_plan
from tlearn.runs.directory import RunDirectory
from tlearn.runs.samples import write_samples
from tlearn.storage.atomic import write_atomic
from tlearn.storage.text import write_json

if TYPE_CHECKING:
    from tlearn.training.loop import History

_READ_BACK = 64
_TOLERANCE = 2e-3
Epoch = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True)
class TrainingResult:
    """What came of a plan.

    Attributes:
        reports: Part name to what the model scored on it.
        history: Epoch records.
        interpolation: How far the model lies from the solved head (0) to where tuning ended (1).
    """

    reports: Mapping[str, Report]
    history: Sequence[Mapping[str, Any]]
    interpolation: float | None


def train_and_save(
    session: Session, plan: Plan, run: RunDirectory, epoch: Epoch | None
) -> TrainingResult:
    """Train by a plan and fill a run directory.

    Args:
        session: Pictures, features and backbone.
        plan: What to train.
        run: An empty run directory.
        epoch: Told after every epoch.

    Raises:
        RunError: The saved model does not answer as the trained one.
    """
    dataset = session.dataset
    head = None if session.from_scratch else solve(session, plan)
    if head is not None:
        plan = replace(plan, head=replace(plan.head, solved_l2=head.penalty))
    write_atomic(run.plan_path, lambda path: write_plan(plan, path))
    write_atomic(run.split_path, lambda path: write_manifest(dataset.manifest, path))
    run.write_labels(plan.split.classes)

    if head is not None and not plan.training.epochs:
        epochs, share = list[dict[str, Any]](), None
        probabilities = _keep_solved(session, plan, run, head)
    else:
        model, history = _train(session, plan, run, head, epoch)
        epochs, share = history.epochs, history.interpolation
        probabilities = _keep_trained(session, run, model)
    reports = {
        split: score(found, dataset.labels(split), plan.split.classes, split)
        for split, found in probabilities.items()
    }
    trained = TrainingResult(reports, epochs, share)
    if plan.images.keep_samples:
        with session.timer.time("samples"):
            split = next(iter(probabilities))
            write_samples(run.samples, dataset, split, probabilities[split], plan.seed)
    _write_results(session, plan, run, trained, probabilities)
    return trained


def solve(session: Session, plan: Plan) -> LinearHead:
    """The head on the features of the train split, its penalty by cross-validation."""
    outputs = session.features.outputs_of(plan.head.stages)
    dataset, classes, balanced = session.dataset, len(plan.split.classes), plan.head.class_weights
    count = plan.images.views if plan.policy == "linear_head" and not plan.training.epochs else 1
    views = Views(
        count, augmentation(plan.images.augmentation, plan.images.horizontal_flip), plan.seed
    )
    keys = session.stored_views(views, dataset.digests("train"))
    labels = np.tile(dataset.labels("train"), count)
    session.progress("solve the head", 0, 0)
    with session.timer.time("head"):
        penalty = plan.head.solved_l2
        if penalty is None:
            folds = _folds_of_views(dataset.folds(plan.seed), count, len(labels))
            about = (keys, labels, classes, folds, balanced)
            penalty = session.features.cross_validate(outputs, *about).penalty
        rows, widths = session.features.read(outputs, keys), session.features.widths(outputs)
        return solve_head(rows, labels, classes, penalty, balanced, in_place=True, blocks=widths)


def _folds_of_views(folds: Sequence[Fold], count: int, n_rows: int) -> list[Fold]:
    """Folds of rows that stand view by view: views of a held-out picture are in neither half."""
    shifts = np.arange(0, n_rows, n_rows // count)[:, None]
    return [((rows + shifts).ravel(), held_out) for rows, held_out in folds]


def _train(
    session: Session,
    plan: Plan,
    run: RunDirectory,
    head: LinearHead | None,
    epoch: Epoch | None,
) -> tuple[Any, History]:
    session.progress("load TensorFlow", 0, 0)
    with session.timer.time("load"):
        keras = import_keras()
    from tlearn.backend.precision import as_float32
    from tlearn.models.backbone import up_to
    from tlearn.training.fine_tune import TrainingContext, assemble, tune

    def told(record: Mapping[str, Any]) -> None:
        run.append_history(record)
        if epoch:
            epoch(record)

    keras.utils.set_random_seed(plan.seed)
    keras.config.set_dtype_policy(plan.training.precision)
    try:
        whole = session.backbone if plan.training.precision == "float32" else session.choice.load()
        backbone = up_to(whole, plan.head.stages[-1])
        model = assemble(backbone, plan, head)
        context = TrainingContext(
            plan,
            session.dataset,
            session.cache,
            session.engines,
            session.progress,
            session.timer,
            told,
        )
        history = tune(model, backbone, context)
    finally:
        keras.config.set_dtype_policy("float32")
    return as_float32(model), history


def _keep_trained(session: Session, run: RunDirectory, model: Any) -> dict[str, np.ndarray]:
    """Save the model; what it says of the held-out splits."""
    session.progress("save and check", 0, 0)
    with session.timer.time("check"):
        probabilities = {
            split: predict_pixels(model.predict_on_batch, session.dataset.rows(split))
            for split in _held_out(session)
        }
        write_atomic(run.model_path, lambda path: model.save(path))
        _read_back(run, session, probabilities)
    return probabilities


def _keep_solved(
    session: Session, plan: Plan, run: RunDirectory, head: LinearHead
) -> dict[str, np.ndarray]:
    """The same for a solved head; TensorFlow only the first time that this backbone is used."""
    known = open_template(session.cache, plan.backbone.fingerprint)
    template = known or make_template(session.backbone, plan.head.stages)
    session.progress("save and check", 0, 0)
    with session.timer.time("check"):
        write_atomic(run.model_path, with_head(template, head.kernel, head.bias))
        saved = LinearHead(*read_head(run.model_path, template), head.penalty)
        features, digests = session.features, session.dataset.digests
        outputs = features.outputs_of(plan.head.stages)
        probabilities = {
            split: saved.probabilities(features.read(outputs, digests(split)))
            for split in _held_out(session)
        }
        if known is None:
            _read_back(run, session, probabilities)
            keep_template(session.cache, plan.backbone.fingerprint, template)
    return probabilities


def _held_out(session: Session) -> list[str]:
    return [split for split in ("val", "test") if session.dataset.manifest.count(split)]


def _read_back(
    run: RunDirectory, session: Session, probabilities: Mapping[str, np.ndarray]
) -> None:
    """Load the saved model as a stranger would, and hold it against what was scored."""
    import keras

    model = keras.models.load_model(run.model_path, compile=False, safe_mode=True)
    split, expected = next(iter(probabilities.items()))
    answers = predict_pixels(model.predict_on_batch, session.dataset.rows(split)[:_READ_BACK])
    difference = float(np.abs(answers - expected[:_READ_BACK]).max())
    if not difference <= _TOLERANCE:
        raise RunError(
            f"{run.model_path} was saved but answers differently when read back: a probability "
            f"moved by {difference:.3g} on {len(answers)} {split} pictures",
            "this is a fault of tlearn or of Keras; please report it with the plan beside it",
        )


def _write_results(
    session: Session,
    plan: Plan,
    run: RunDirectory,
    trained: TrainingResult,
    probabilities: Mapping[str, np.ndarray],
) -> None:
    reports = trained.reports
    reported = session.dataset.manifest.report_split
    findings = [asdict(issue) for issue in session.dataset.issues]
    seconds = session.timer.seconds | {"total": session.timer.total()}
    write_report(
        run.report_path,
        title=session.source.name,
        plan=plan.flat()
        | {"stages": [asdict(stage) for stage in plan.stages], "origins": plan.origins},
        report=trained.reports[reported],
        history=trained.history,
        findings=findings,
        timings=session.timer.seconds,
        mistakes=_mistakes(session, plan, reported, probabilities[reported])
        if plan.images.keep_samples
        else (),
    )
    write_json(
        run.metrics_path,
        {
            "folder": str(session.source.resolve()),
            "val_accuracy": reports["val"].accuracy if "val" in reports else None,
            "test_accuracy": reports["test"].accuracy if "test" in reports else None,
            "interpolation": trained.interpolation,
            "seconds": seconds,
            "findings": findings,
            "reports": {split: report.to_json() for split, report in reports.items()},
        },
    )


def _mistakes(
    session: Session, plan: Plan, split: str, probabilities: np.ndarray, most: int = 24
) -> list[tuple[np.ndarray, str, str, float]]:
    """The most confident wrong answers: picture, true class, answer, its probability."""
    labels, answers = session.dataset.labels(split), probabilities.argmax(axis=1)
    sure = probabilities.max(axis=1)
    wrong = np.flatnonzero(answers != labels)
    worst = wrong[np.argsort(-sure[wrong], kind="stable")][:most]
    rows = session.dataset.rows(split)
    return [
        (rows[i], plan.split.classes[labels[i]], plan.split.classes[answers[i]], float(sure[i]))
        for i in worst
    ]
