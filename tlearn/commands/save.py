"""From a trained model to the files of a run, read back before it is called done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.fitted import FittedModel
from tlearn.commands.save_model import save_trained
from tlearn.commands.save_targets import save_targets
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.answers import Answers
from tlearn.confidence.confidence import Confidence
from tlearn.confidence.novelty import REFUSED
from tlearn.confidence.promises import hold_promises
from tlearn.confidence.temperature import with_temperature
from tlearn.data.dataset import Dataset
from tlearn.data.manifest import write_manifest
from tlearn.data.targets import CLASSES
from tlearn.errors import pasted
from tlearn.evaluation.examples import Examples, pick_examples, with_maps
from tlearn.evaluation.explain_maps import Classifier
from tlearn.evaluation.figures import write_figures
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predictions_file import SplitPredictions, write_errors, write_predictions
from tlearn.evaluation.report import write_report
from tlearn.evaluation.report_content import NextStep, ReportContent
from tlearn.evaluation.resampling import Repeats
from tlearn.evaluation.target_scores import TargetReport
from tlearn.features.engine import LITERT
from tlearn.features.extractor import extractor_engines
from tlearn.progress import EpochCallback
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import write_plan
from tlearn.runs.contents import seal
from tlearn.runs.directory import RunDirectory
from tlearn.runs.provenance import collect_provenance, read_provenance, write_provenance
from tlearn.runs.samples import write_samples
from tlearn.storage.atomic import write_atomic
from tlearn.storage.text import write_json
from tlearn.suggestion.advice import Advice

_MAPS_SHARE = 0.06
"""Of the time that a run has taken, what the maps in its report may take more."""


_TRY, _EXPORT = "Try it on an image of your own", "Export it for a phone"
FOR_EVERY_TASK = {_TRY, _EXPORT}
"""Next steps that runs of labels or numbers have, too."""


def begin_run(run: RunDirectory, workspace: Workspace, plan: Plan) -> None:
    """Write what is known before training: plan, split and labels.

    Raises:
        RunError: Something of the run is a link to elsewhere.
    """
    run.refuse_links()
    write_atomic(run.plan_path, lambda path: write_plan(plan, path))
    write_atomic(run.split_path, lambda path: write_manifest(workspace.dataset.manifest, path))
    run.write_labels(plan.split.classes)
    dataset = workspace.dataset
    if run.provenance_path.exists():  # of the command that began the run
        return
    write_provenance(run, collect_provenance(dataset.folder, dataset.manifest, plan))


def recorder(run: RunDirectory, on_epoch: EpochCallback | None) -> EpochCallback:
    """Return what writes the record of an epoch to the run, and passes it on."""

    def record(epoch: Mapping[str, Any]) -> None:
        run.epochs.append(epoch)
        if on_epoch:
            on_epoch(epoch)

    return record


def save_run(
    session: Session,
    workspace: Workspace,
    fitted: FittedModel,
    run: RunDirectory,
    advice: Advice | None = None,
    place: Path | None = None,
    repeats: Repeats | None = None,
) -> Mapping[str, Report | TargetReport]:
    """Fill a run directory: the model, read back and scored again, its metrics and its report.

    Args:
        session: Cache, timer and progress.
        workspace: Images and backbone.
        fitted: What training gave.
        run: A directory that `begin_run` has filled.
        advice: The evidence that led to the plan, where it was measured.
        place: Where the run will be, if not where it is.
        repeats: What the same training reached on other splits.

    Returns:
        Split name to what the model scored on it.

    Raises:
        RunError: The saved model does not answer as the trained one.
    """
    plan, dataset = fitted.plan, workspace.dataset
    write_atomic(run.plan_path, lambda path: write_plan(plan, path))
    session.progress("save and check", 0, 0)
    with session.timer.time("check"):
        save_trained(session, workspace, fitted, run)
    if plan.task != CLASSES:
        use = [step for step in next_steps(place or run.path) if step.text in FOR_EVERY_TASK]
        return save_targets(session, workspace, fitted, run, use, repeats)
    reports = {
        split: score(
            probabilities,
            dataset.labels(split),
            plan.split.classes,
            split,
            dataset.groups(split),
            dataset.digests(split),
            before=with_temperature(probabilities, 1 / fitted.calibration.temperature.value),
            ordered=plan.ordered,
        )
        for split, probabilities in fitted.probabilities.items()
    }
    if plan.images.keep_samples:
        with session.timer.time("samples"):
            split = next(iter(fitted.probabilities))
            write_samples(run.samples, dataset, split, fitted.probabilities[split], plan.seed)
    found = reports, advice, next_steps(place or run.path), repeats
    _write_results(session, workspace, fitted, run, *found)
    seal(run)
    return reports


def _write_results(
    session: Session,
    workspace: Workspace,
    fitted: FittedModel,
    run: RunDirectory,
    reports: Mapping[str, Report],
    advice: Advice | None,
    next_steps: Sequence[NextStep],
    repeats: Repeats | None,
) -> None:
    dataset, plan, timer = workspace.dataset, fitted.plan, session.timer
    confidence = fitted.calibration.confidence(fitted.probabilities, dataset)
    confidence = replace(confidence, ordered=plan.ordered)
    taught = fitted.calibration.taught
    predictions = [_predictions(workspace, fitted, split) for split in fitted.probabilities]
    write_predictions(run.predictions_path, predictions)
    write_errors(run.errors_path, predictions)
    total = timer.total()
    content = ReportContent(
        title=session.source.resolve().name,
        plan=plan,
        reports=reports,
        history=fitted.history,
        warnings=fitted.warnings,
        issues=dataset.issues,
        timings=timer.seconds,
        # The forecast counts neither the advice nor repeats.
        seconds=total - sum(timer.seconds.get(step, 0) for step in ("advice", "repeats")),
        examples=_examples(session, workspace, fitted, predictions),
        advice=advice,
        provenance=_provenance(run),
        next_steps=next_steps,
        confidence=confidence,
        taught=taught,
        coverage=_coverage(confidence, fitted, dataset),
        repeats=repeats,
    )
    write_report(run.report_path, content)
    write_figures(run.figures, content)
    write_json(
        run.metrics_path,
        {
            "folder": str(session.source.resolve()),
            "val_accuracy": reports["val"].accuracy if "val" in reports else None,
            "test_accuracy": reports["test"].accuracy if "test" in reports else None,
            "interpolation": fitted.interpolation,
            "confidence": asdict(confidence),
            "taught": taught and asdict(taught),
            "unknown_auroc": taught and taught.scores.auroc,
            "unknown_accepted": taught and taught.scores.accepted,
            "repeats": repeats.to_json() if repeats else None,
            "warnings": fitted.warnings,
            "seconds": timer.seconds | {"total": total},
            "issues": [asdict(issue) for issue in dataset.issues],
            "reports": {split: report.to_json() for split, report in reports.items()},
        },
    )


def _coverage(
    confidence: Confidence, fitted: FittedModel, dataset: Dataset
) -> tuple[Coverage, ...]:
    """Return how promises are kept on test; on validation images they were computed."""
    test = fitted.probabilities.get("test")
    if test is None:
        return ()
    answers, labels = Answers(test), dataset.labels("test")
    return hold_promises(confidence, answers, labels, None, REFUSED).coverage


def _predictions(workspace: Workspace, fitted: FittedModel, split: str) -> SplitPredictions:
    dataset = workspace.dataset
    names = [dataset.manifest.names[row] for row in dataset.manifest.indices(split)]
    classes, labels = fitted.plan.split.classes, dataset.labels(split)
    probabilities, ordered = fitted.probabilities[split], fitted.plan.ordered
    return SplitPredictions(split, classes, names, labels, probabilities, ordered)


def _examples(
    session: Session,
    workspace: Workspace,
    fitted: FittedModel,
    predictions: Sequence[SplitPredictions],
) -> Examples:
    """Choose images of the reported split for the report; none where the plan keeps no samples."""
    if not fitted.plan.images.keep_samples:
        return Examples()
    reported = workspace.dataset.manifest.report_split
    chosen = next(split for split in predictions if split.split == reported)
    examples = pick_examples(chosen, workspace.dataset.rows(reported))
    seconds = _MAPS_SHARE * session.timer.total()
    return with_maps(examples, lambda: _answer(session, workspace, fitted), seconds)


def _answer(session: Session, workspace: Workspace, fitted: FittedModel) -> Classifier:
    """Return the probabilities of what was trained; of a solved head, without TensorFlow."""
    if fitted.answer:
        return fitted.answer
    head, features = fitted.head, workspace.features
    assert head is not None and features is not None and workspace.extractor is not None
    engine = extractor_engines(
        workspace.extractor,
        lambda: session.load_backbone(workspace.backbone),
        features.outputs_of(fitted.plan.head.stages),
    )[LITERT]()
    return lambda images: head.probabilities(next(engine.run([np.asarray(images)])))


def _provenance(run: RunDirectory) -> dict[str, str]:
    provenance = read_provenance(run)
    return provenance.in_words() if provenance else {}


def next_steps(place: Path) -> list[NextStep]:
    """Return what to do with a run."""
    path = pasted(place)
    return [
        NextStep(_TRY, f"tlearn predict {path} IMAGE"),
        NextStep("See where it looks when it errs", f"tlearn explain {path}"),
        NextStep(_EXPORT, f"tlearn export {path} --tflite"),
        NextStep("Describe it in a paper", f"tlearn describe {path}"),
    ]
