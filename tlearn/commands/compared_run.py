"""One run as a comparison sees it: plan, scores, sizes, and its answer on each held-out image."""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tlearn.artifacts.files import artifact_size_bytes, list_artifacts
from tlearn.commands.save_targets import target_columns
from tlearn.data.manifest import SplitManifest
from tlearn.data.targets import CLASSES
from tlearn.errors import quoted
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.predictions import csv_path, csv_text
from tlearn.evaluation.target_scores import TargetReport
from tlearn.recipe.plan import Plan
from tlearn.runs.contents import read_contents
from tlearn.runs.directory import RunDirectory
from tlearn.runs.metrics import damaged
from tlearn.storage.text import read_text


@dataclass(frozen=True)
class Answer:
    """What a run answers on one image.

    Attributes:
        truth: Its true class; of another task its targets, None where one is not known.
        predicted: The class that was predicted, or the outputs.
        group: What it shares with images of its group, by the run's split.
    """

    truth: str | tuple[float | None, ...]
    predicted: str | tuple[float, ...]
    group: str

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
        report: Its scores on test, or on val without a test split.
        seconds: Time from start to end; None where the run does not say.
        model_bytes: Size of `model.keras`.
        exports: Name of each exported file to its size in bytes.
        answers: SHA-256 of each image of that split to the answer; None where none were kept.
    """

    path: Path
    plan: Plan
    data: str
    report: Report | TargetReport
    seconds: float | None
    model_bytes: int
    exports: Mapping[str, int]
    answers: Mapping[str, Answer] | None


def read_compared_run(path: Path) -> ComparedRun:
    """Read what is compared of a finished run.

    Raises:
        RunError: There is no such run, it is not finished, or it is damaged.
    """
    run = RunDirectory.open(path)
    contents = read_contents(run)
    metrics = contents.metrics
    return ComparedRun(
        path=path,
        plan=contents.plan,
        data=metrics.folder,
        report=metrics.report,
        seconds=metrics.seconds.get("total"),
        model_bytes=run.model_path.stat().st_size,
        exports={
            artifact.name: artifact_size_bytes(artifact)
            for artifact in list_artifacts(run.export_dir)
        },
        answers=read_answers(run, contents.manifest, contents.plan),
    )


def read_answers(
    run: RunDirectory, manifest: SplitManifest, plan: Plan
) -> dict[str, Answer] | None:
    """Read what a run answers on the split that it reports on, from its `predictions.csv`.

    Args:
        run: A finished run.
        manifest: Which image is in which split.
        plan: What it learned.

    Returns:
        SHA-256 of each image to the answer; copies of a file count once. None without the file.

    Raises:
        RunError: The file is damaged.
    """
    path = run.predictions_path
    if not os.path.lexists(path):
        return None
    # Names stand in the file as they are safe in a spreadsheet.
    facts = zip(manifest.digests, manifest.groups, strict=True)
    known = dict(zip(map(csv_path, manifest.names), facts, strict=True))
    read = _class_reader(manifest) if plan.task == CLASSES else _target_reader(plan)
    try:
        rows = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
        answers = {}
        for row in rows:
            if row["split"] == manifest.report_split:
                digest, group = known[row["path"]]
                answers[digest] = read(row, group)
        return answers
    except (csv.Error, KeyError, ValueError) as error:
        raise damaged(run, f"{quoted(path)}: {error!r}") from error


_Read = Callable[[Mapping[str, str], str], Answer]


def _class_reader(manifest: SplitManifest) -> _Read:
    classes = {csv_text(name): name for name in manifest.classes}
    return lambda row, group: Answer(classes[row["truth"]], classes[row["answer"]], group)


def _target_reader(plan: Plan) -> _Read:
    columns = target_columns(plan)

    def read(row: Mapping[str, str], group: str) -> Answer:
        truth, outputs = ([float(row[name]) for name in columns[n::2]] for n in (0, 1))
        known = tuple(None if math.isnan(value) else value for value in truth)
        return Answer(known, tuple(outputs), group)

    return read
