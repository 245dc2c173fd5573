"""Two or more runs side by side: plans, accuracy on the same images, classes, sizes, time."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.artifacts.contract import contract_path
from tlearn.artifacts.files import artifact_size_bytes
from tlearn.data.split import read_manifest
from tlearn.errors import RunError, quoted
from tlearn.export.comparison import paired_interval
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import RunDirectory
from tlearn.storage.text import read_json, read_text

PREDICTIONS = "predictions.csv"

# Follow from other keys, and would only repeat that those differ.
_DERIVED = {"classes", "fingerprint", "first_trained_stage", "steps_per_epoch"}


@dataclass(frozen=True)
class Answer:
    """What a run answers on one image: its true class and the class that was predicted."""

    truth: str
    predicted: str

    @property
    def is_right(self) -> bool:
        """Return whether the predicted class is the true one."""
        return self.predicted == self.truth


@dataclass(frozen=True)
class ComparedRun:
    """One of the runs that are compared.

    Attributes:
        path: Its directory.
        plan: What ran.
        data: Folder or CSV that it was trained on.
        split: The split that it reports on: "test", or "val" without one.
        report: Its scores on that split, as `metrics.json` has them.
        seconds: Time from start to end.
        model_bytes: Size of `model.keras`.
        exports: Name of each exported file to its size in bytes.
        answers: SHA-256 of each image of that split to the answer; None where none were kept.
    """

    path: Path
    plan: Plan
    data: str
    split: str
    report: Mapping[str, Any]
    seconds: float | None
    model_bytes: int
    exports: Mapping[str, int]
    answers: Mapping[str, Answer] | None


@dataclass(frozen=True)
class Paired:
    """A run beside the first one, on the images that were held out in all runs.

    Attributes:
        accuracy: Share of these images answered right.
        gain: This accuracy minus that of the first run.
        interval: 95% interval of the gain, see `export.comparison.paired_interval`.
        won: Images that only this run answers right.
        lost: Images that only the first run answers right.
    """

    accuracy: float
    gain: float
    interval: tuple[float, float]
    won: int
    lost: int

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
    runs = tuple(_read_run(path) for path in paths)
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


def _read_run(path: Path) -> ComparedRun:
    run = RunDirectory.open(path)
    metrics = read_json(run.metrics_path)
    try:
        reports = metrics["reports"]
        split = "test" if "test" in reports else "val"
        return ComparedRun(
            path=path,
            plan=read_plan(run.plan_path),
            data=str(metrics["folder"]),
            split=split,
            report=_checked(reports[split]),
            seconds=metrics.get("seconds", {}).get("total"),
            model_bytes=run.model_path.stat().st_size,
            exports=_exports(run.export_dir),
            answers=read_answers(run, split),
        )
    except (LookupError, TypeError, AttributeError) as error:
        raise _damaged(run, run.metrics_path, error) from error


def _damaged(run: RunDirectory, path: Path, error: Exception) -> RunError:
    line = shlex.join(["tlearn", "finetune", "FOLDER", "--out", str(run.path), "--overwrite"])
    return RunError(f"{quoted(path)} is damaged: {error!r}", f"train again: {line}")


def _checked(report: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a report once it is known to hold what is compared; a LookupError says what not."""
    for key in ("n", "accuracy", "interval", "macro_f1"):
        report[key]
    for row in report["per_class"]:
        row["name"], row["n"], row["recall"]
    return report


def _exports(folder: Path) -> dict[str, int]:
    """Return the sizes of exported files, by name."""
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    artifacts = [entry for entry in entries if contract_path(entry).is_file()]
    return {artifact.name: artifact_size_bytes(artifact) for artifact in artifacts}


def read_answers(run: RunDirectory, split: str) -> dict[str, Answer] | None:
    """Read what a run answers on a split, from its `predictions.csv`.

    Args:
        run: A finished run.
        split: "test" or "val".

    Returns:
        SHA-256 of each image to the answer; copies of a file count once. None without the file.

    Raises:
        RunError: The file is damaged.
    """
    path = run.path / PREDICTIONS
    if not path.is_file():
        return None
    manifest = read_manifest(run.split_path)
    digests = dict(zip(manifest.names, manifest.digests, strict=True))
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True))
        return {
            digests[row["path"]]: Answer(row["truth"], row["answer"])
            for row in rows
            if row["split"] == split
        }
    except (csv.Error, KeyError) as error:
        raise _damaged(run, path, error) from error


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
    nothing: list[dict[str, Answer]] = [{} for _ in runs]
    without = "accuracies are shown without a paired interval"
    for run in runs:
        if run.answers is None:
            return nothing, f"{quoted(run.path)} has no {PREDICTIONS}: {without}"
    answers = [run.answers or {} for run in runs]
    shared = set.intersection(*map(set, answers))
    same = {key for key in shared if len({of_run[key].truth for of_run in answers}) == 1}
    if not same:
        return nothing, f"no common images: {without}"
    return [{key: of_run[key] for key in sorted(same)} for of_run in answers], ""


def _pair(first: Mapping[str, Answer], other: Mapping[str, Answer]) -> Paired:
    right = [(first[key].is_right, other[key].is_right) for key in first]
    won, lost, n = right.count((False, True)), right.count((True, False)), len(right)
    return Paired(
        accuracy=sum(after for _, after in right) / n,
        gain=(won - lost) / n,
        interval=paired_interval(won, lost, n),
        won=won,
        lost=lost,
    )


def _class_rows(
    runs: Sequence[ComparedRun], common: Sequence[Mapping[str, Answer]]
) -> tuple[ClassRow, ...]:
    tables = [
        _recall(answers.values()) if answers else _recall_reported(run)
        for run, answers in zip(runs, common, strict=True)
    ]
    nothing = (0, None)
    return tuple(
        ClassRow(
            name,
            tuple(table.get(name, nothing)[0] for table in tables),
            tuple(table.get(name, nothing)[1] for table in tables),
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
        row["name"]: (row["n"], row["recall"] if row["n"] else None)
        for row in run.report["per_class"]
    }
