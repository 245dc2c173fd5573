"""Two or more runs side by side: plans, accuracy on the same images, classes, sizes, time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.compared_run import Answer, ComparedRun, read_compared_run
from tlearn.data.groups import join_groups
from tlearn.errors import RunError, quoted
from tlearn.export.comparison import grouped_interval
from tlearn.runs.directory import RunDirectory

# Follow from other keys, and would only repeat that those differ.
_DERIVED = {"classes", "fingerprint", "first_trained_stage", "steps_per_epoch"}


@dataclass(frozen=True)
class Paired:
    """A run beside the first one, on the images that were held out in all runs.

    Attributes:
        accuracy: Share of these images answered right.
        gain: This accuracy minus that of the first run.
        interval: 95% interval of the gain, see `export.comparison.grouped_interval`.
        won: Images that only this run answers right.
        lost: Images that only the first run answers right.
        n_groups: Groups of these images that the interval counts: those that the split of either
            run keeps together.
    """

    accuracy: float
    gain: float
    interval: tuple[float, float]
    won: int
    lost: int
    n_groups: int

    @property
    def is_clear(self) -> bool:
        """Return whether the interval of the gain leaves out zero."""
        low, high = self.interval
        return low > 0 or high < 0


@dataclass(frozen=True)
class ClassRow:
    """One class: how many of its images there are, and the share that each run answers right."""

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
    return Comparison(
        runs=runs,
        differences=_differences(runs),
        n_common=len(common[0]),
        paired=tuple(_pair(common[0], answers) for answers in common) if common[0] else (),
        classes=_class_rows(runs, common),
        note=note,
    )


def _ensure_same_classes(first: ComparedRun, other: ComparedRun) -> None:
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
    consequence = "accuracies are shown without a paired interval"
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


def _pair(first: Mapping[str, Answer], other: Mapping[str, Answer]) -> Paired:
    before, after = (
        np.array([answers[key].is_right for key in first]) for answers in (first, other)
    )
    n = len(before)
    # A group has a name of its own in each run.
    groups = join_groups(n, *([answers[key].group for key in first] for answers in (first, other)))
    return pair(before, after, groups)


def pair(before: np.ndarray, after: np.ndarray, groups: Sequence[str]) -> Paired:
    """Hold a model against another one on the same images.

    Args:
        before: (n,) whether the first one answers an image right.
        after: (n,) whether the other one does.
        groups: (n,) what images of a group share.
    """
    won, lost, n = after & ~before, before & ~after, len(before)
    return Paired(
        accuracy=int(after.sum()) / n,
        gain=(int(won.sum()) - int(lost.sum())) / n,
        interval=grouped_interval(won, lost, groups),
        won=int(won.sum()),
        lost=int(lost.sum()),
        n_groups=len({*groups}),
    )


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


def _recall(answers: Iterable[Answer]) -> dict[str, tuple[int, float | None]]:
    right: dict[str, list[bool]] = {}
    for answer in answers:
        right.setdefault(answer.truth, []).append(answer.is_right)
    return {name: (len(hits), sum(hits) / len(hits)) for name, hits in right.items()}


def _recall_reported(run: ComparedRun) -> dict[str, tuple[int, float | None]]:
    return {
        row["name"]: (row["n"], row["recall"] if row["n"] else None) for row in run.report.per_class
    }
