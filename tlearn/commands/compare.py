"""Two or more runs side by side: plans, accuracy on the same images, classes, sizes, time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.compared_run import Answer, ComparedRun, read_compared_run
from tlearn.commands.pairing import Paired, matrices, pair_answers, pair_targets
from tlearn.data.targets import CLASSES, LABELS, NUMBER
from tlearn.errors import RunError, quoted
from tlearn.evaluation.label_scores import LabelReport
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.roc import average_precision
from tlearn.evaluation.target_scores import TargetReport, headline
from tlearn.runs.directory import RunDirectory

# Follow from other keys, and would only repeat that those differ.
_DERIVED = {"classes", "fingerprint", "first_trained_stage", "steps_per_epoch"}


@dataclass(frozen=True)
class ClassRow:
    """One class: how many of its images there are, and the share that each run answers right.

    Of a label, `recall` is its average precision.
    """

    name: str
    n: tuple[int, ...]
    recall: tuple[float | None, ...]


@dataclass(frozen=True)
class Comparison:
    """Runs side by side; whatever has one value for each run has them in the order of `runs`.

    Attributes:
        runs: The runs, the one that the others are held against first.
        differences: Key of the plan to its values, where they differ.
        n_common: Images held out in all runs; 0 where runs cannot be paired.
        paired: Each run on those images; empty where there are none.
        classes: Each class, on those images, or on each run's own where there are none.
        note: Why the runs are not paired; empty where they are.
    """

    runs: tuple[ComparedRun, ...]
    differences: Mapping[str, tuple[Any, ...]]
    n_common: int
    paired: tuple[Paired, ...]
    classes: tuple[ClassRow, ...]
    note: str

    @property
    def task(self) -> str:
        """Return what the runs learned."""
        return self.runs[0].plan.task

    @property
    def best(self) -> ComparedRun:
        """Return the run that scores best, on the same images where there are such."""
        scores = [row.accuracy for row in self.paired] or [main_score(r.report) for r in self.runs]
        sign = -1 if self.task == NUMBER else 1
        return max(zip(scores, self.runs, strict=True), key=lambda pair: sign * pair[0])[1]


def main_score(report: Report | TargetReport) -> float:
    """Return the score that stands for all; 0 where a run of good images has none."""
    if isinstance(report, Report):
        return report.accuracy
    return next(iter(headline(report).values())) or 0.0


def compare(paths: Sequence[Path]) -> Comparison:
    """Compare runs with the same classes; the first one is the baseline.

    Args:
        paths: Directories of two or more finished runs.

    Raises:
        RunError: There are fewer than two, one is no finished run or is damaged, or their classes
            are not the same.
    """
    if len({path.resolve() for path in paths}) < max(2, len(paths)):
        raise RunError("a comparison takes two or more different runs", "list them: tlearn runs")
    runs = tuple(read_compared_run(path) for path in paths)
    for run in runs[1:]:
        _ensure_same_classes(runs[0], run)
    common, note = _common_answers(runs)
    task = runs[0].plan.task
    if task == CLASSES:
        paired = tuple(pair_answers(common[0], answers) for answers in common) if common[0] else ()
        classes = _class_rows(runs, common)
    else:
        paired, problem = pair_targets(task, common)
        note = note or problem
        classes = _label_rows(runs, common) if task == LABELS else ()
    return Comparison(
        runs=runs,
        differences=_differences(runs),
        n_common=len(common[0]) if paired else 0,
        paired=paired,
        classes=classes,
        note=note,
    )


def _ensure_same_classes(first: ComparedRun, other: ComparedRun) -> None:
    if first.plan.task != other.plan.task:
        learned = (f"{quoted(run.path)} learned {run.plan.task}" for run in (first, other))
        raise RunError(
            f"the runs have different tasks: {' and '.join(learned)}",
            "compare runs of one task: tlearn runs",
        )
    ours, theirs = set(first.plan.split.classes), set(other.plan.split.classes)
    if ours != theirs:
        only = [
            f"only {quoted(run.path)} has {', '.join(repr(name) for name in sorted(names)[:3])}"
            + (", ..." if len(names) > 3 else "")
            for run, names in ((first, ours - theirs), (other, theirs - ours))
            if names
        ]
        raise RunError(
            f"the runs have different classes: {'; '.join(only)}",
            "compare runs on the same classes: tlearn runs",
        )


def _differences(runs: Sequence[ComparedRun]) -> dict[str, tuple[Any, ...]]:
    """Return the keys of plans that differ, and what the runs were trained on if that differs."""
    plans = [{"data": run.data} | run.plan.flat() for run in runs]
    values = {key: tuple(plan[key] for plan in plans) for key in plans[0]}
    differing = {key for key, row in values.items() if any(value != row[0] for value in row)}
    hidden = set(_DERIVED)
    if not differing & {"backbone", "image_size", "head_stages"}:
        hidden.remove("fingerprint")  # the same network with other weights
    return {key: values[key] for key in values if key in differing - hidden}


def _common_answers(
    runs: Sequence[ComparedRun],
) -> tuple[list[dict[str, Answer]], str]:
    """Return each run's answers on the images held out in all, and why there are none."""
    no_answers: list[dict[str, Answer]] = [{} for _ in runs]
    consequence = "scores are shown without a paired interval"
    for run in runs:
        if run.answers is None:
            return (
                no_answers,
                f"{quoted(run.path)} has no {RunDirectory.predictions_path}: {consequence}",
            )
    answers = [run.answers or {} for run in runs]
    shared = set.intersection(*map(set, answers))
    same = {key for key in shared if len({of_run[key].truth for of_run in answers}) == 1}
    if not same:
        return no_answers, f"no common images: {consequence}"
    return [{key: of_run[key] for key in sorted(same)} for of_run in answers], ""


def _class_rows(
    runs: Sequence[ComparedRun], common: Sequence[Mapping[str, Answer]]
) -> tuple[ClassRow, ...]:
    tables = [
        _recall(answers.values()) if answers else _recall_reported(run)
        for run, answers in zip(runs, common, strict=True)
    ]
    absent = (0, None)
    return tuple(
        ClassRow(
            name,
            tuple(table.get(name, absent)[0] for table in tables),
            tuple(table.get(name, absent)[1] for table in tables),
        )
        for name in runs[0].plan.split.classes
    )


def _label_rows(
    runs: Sequence[ComparedRun], common: Sequence[Mapping[str, Answer]]
) -> tuple[ClassRow, ...]:
    """Return the average precision of each label."""
    if common[0]:
        targets, answers = matrices(common)
        tables = [
            [_precision(*columns) for columns in zip(of.T, targets.T, strict=True)]
            for of in answers
        ]
    else:
        tables = [
            [(row["n"], row["average_precision"]) for row in run.report.per_label]
            for run in runs
            if isinstance(run.report, LabelReport)
        ]
    names = runs[0].plan.split.classes
    rows = zip(names, zip(*tables, strict=True), strict=True)
    return tuple(ClassRow(name, *zip(*row, strict=True)) for name, row in rows)


def _precision(outputs: np.ndarray, targets: np.ndarray) -> tuple[int, float | None]:
    known = ~np.isnan(targets)
    has = targets[known] == 1
    return int(has.sum()), average_precision(outputs[known], has)


def _recall(answers: Iterable[Answer]) -> dict[str, tuple[int, float | None]]:
    right: dict[str, list[bool]] = {}
    for answer in answers:
        right.setdefault(str(answer.truth), []).append(answer.is_right)
    return {name: (len(hits), sum(hits) / len(hits)) for name, hits in right.items()}


def _recall_reported(run: ComparedRun) -> dict[str, tuple[int, float | None]]:
    assert isinstance(run.report, Report)
    return {
        row["name"]: (row["n"], row["recall"] if row["n"] else None) for row in run.report.per_class
    }
