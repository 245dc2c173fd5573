"""What a run of several labels, or of a number, keeps beside its model."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tlearn.commands.fitted import FittedModel
from tlearn.commands.session import Session
from tlearn.commands.workspace import Workspace
from tlearn.data.dataset import Dataset
from tlearn.data.targets import NUMBER
from tlearn.evaluation.predictions import csv_path, csv_text
from tlearn.evaluation.report_content import NextStep
from tlearn.evaluation.resampling import Repeats
from tlearn.evaluation.target_report import TargetContent, write_target_report
from tlearn.evaluation.target_scores import TargetReport, headline, score_targets
from tlearn.recipe.plan import Plan
from tlearn.runs.contents import seal
from tlearn.runs.directory import RunDirectory
from tlearn.runs.provenance import read_provenance
from tlearn.runs.samples import write_samples
from tlearn.storage.atomic import write_atomic
from tlearn.storage.text import write_json


def save_targets(
    session: Session,
    workspace: Workspace,
    fitted: FittedModel,
    run: RunDirectory,
    next_steps: Sequence[NextStep],
    repeats: Repeats | None = None,
) -> dict[str, TargetReport]:
    """Score what was trained and write metrics, predictions, samples and the report.

    Args:
        session: Timer and progress.
        workspace: Images and their targets.
        fitted: What training gave; its model is saved already.
        run: Where to.
        next_steps: What to do with the run.
        repeats: What the same training reached on other splits.

    Returns:
        Split name to what the model scored on it.
    """
    plan, dataset = fitted.plan, workspace.dataset
    reports = _reports(dataset, fitted)
    leading = reports.get("test") or next(iter(reports.values()))
    if plan.images.keep_samples:
        with session.timer.time("samples"):
            split = next(iter(fitted.probabilities))
            write_samples(run.samples, dataset, split, fitted.probabilities[split], plan.seed)
    _write_tables(run, dataset, fitted)
    provenance = read_provenance(run)
    content = TargetContent(
        title=session.source.resolve().name,
        plan=plan,
        reports=reports,
        answers=fitted.probabilities[leading.split],
        targets=dataset.targets(leading.split),
        history=fitted.history,
        warnings=fitted.warnings,
        issues=dataset.issues,
        next_steps=next_steps,
        provenance=provenance.in_words() if provenance else {},
        timings=session.timer.seconds,
        repeats=repeats,
    )
    write_target_report(run.report_path, run.figures, content)
    metrics = {
        "folder": str(session.source.resolve()),
        "task": plan.task,
        **headline(leading),
        "interpolation": fitted.interpolation,
        "confidence": asdict(fitted.calibration.confidence(fitted.probabilities, dataset)),
        "repeats": repeats.to_json() if repeats else None,
        "warnings": fitted.warnings,
        "seconds": session.timer.seconds | {"total": session.timer.total()},
        "issues": [asdict(issue) for issue in dataset.issues],
        "reports": {split: report.to_json() for split, report in reports.items()},
    }
    write_json(run.metrics_path, metrics)
    seal(run)
    return reports


def _reports(dataset: Dataset, fitted: FittedModel) -> dict[str, TargetReport]:
    plan, learned = fitted.plan, dataset.targets("train")
    confidence = fitted.calibration.confidence(fitted.probabilities, dataset)
    return {
        split: score_targets(
            plan.task,
            answers,
            dataset.targets(split),
            plan.split.classes,
            split,
            learned,
            confidence,
            dataset.groups(split),
        )
        for split, answers in fitted.probabilities.items()
    }


def target_columns(plan: Plan) -> list[str]:
    """Return the columns of predictions.csv: truth and answer of each output in turn."""
    if plan.task == NUMBER:
        return ["truth", "answer"]
    names = (csv_text(name) for name in plan.split.classes)
    return [f"{what}_{name}" for name in names for what in ("truth", "p")]


def _write_tables(run: RunDirectory, dataset: Dataset, fitted: FittedModel) -> None:
    """Write predictions.csv, and errors.csv with the worst answers first."""
    columns = target_columns(fitted.plan)
    rows = [*_rows(dataset, fitted)]
    _write(run.predictions_path, columns, rows)
    worst = sorted(rows, key=lambda row: -row[1])
    _write(run.errors_path, columns, worst)


def _rows(dataset: Dataset, fitted: FittedModel) -> Iterator[tuple[list[str], float]]:
    """Yield the cells of each held-out image, and how wrong its worst answer is."""
    for split, answers in fitted.probabilities.items():
        rows = dataset.manifest.indices(split)
        for row, answer, target in zip(rows, answers, dataset.targets(split), strict=True):
            pairs = zip(target, answer, strict=True)
            cells = [f"{value:.6g}" for pair in pairs for value in pair]
            name = csv_path(dataset.manifest.names[row])
            yield [name, split, *cells], float(np.nanmax(np.abs(answer - target), initial=0.0))


def _write(path: Path, columns: Sequence[str], rows: Sequence[tuple[list[str], float]]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["path", "split", *columns])
            writer.writerows(cells for cells, _ in rows)

    write_atomic(path, write)
