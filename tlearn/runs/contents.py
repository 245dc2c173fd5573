"""What the files of a finished run say, held against each other and against their digests.

A run is copied, synchronized and edited. Digests, written when it is finished, tell which file is
not as it was; runs without them (of earlier versions) hold enough twice to notice most changes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlearn.data.image_folder import SPLITS
from tlearn.data.manifest import SplitManifest, read_manifest
from tlearn.data.targets import CLASSES
from tlearn.errors import RunError, pasted, quoted
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.target_scores import TargetReport
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import read_plan
from tlearn.runs.directory import FILES_AT_END, RunDirectory
from tlearn.runs.metrics import RunMetrics, damaged, read_metrics
from tlearn.storage.digest import digest_of_file
from tlearn.storage.regular_file import kind_of
from tlearn.storage.text import read_json, write_json


@dataclass(frozen=True)
class RunContents:
    """A run's plan, split and metrics, which agree with each other.

    Attributes:
        plan: What was trained; its classes are those of `labels.txt`.
        manifest: Which image is in which split.
        metrics: What came of it.
    """

    plan: Plan
    manifest: SplitManifest
    metrics: RunMetrics


def seal(run: RunDirectory) -> None:
    """Write the size and the digest of every file that makes up a finished run.

    Raises:
        HostError: They cannot be written.
    """
    write_json(run.digests_path, {name: _fingerprint(run.path / name) for name in FILES_AT_END})


def read_contents(run: RunDirectory, with_model: bool = True) -> RunContents:
    """Read a finished run.

    Args:
        run: Its directory.
        with_model: Compare `model.keras` with its digest too, which takes a second for a gigabyte.

    Raises:
        TlearnError: A file is damaged, was changed after training, or does not belong to the run.
    """
    changed = [name for name in _changed_files(run) if with_model or name != run.model_path.name]
    if changed:
        again = f"tlearn finetune FOLDER --out {pasted(run.path)} --overwrite"
        raise RunError(
            f"the run {quoted(run.path)} was changed after its training: {', '.join(changed)}",
            f"copy what was changed from another copy of the run, or train again: {again}",
        )
    contents = RunContents(
        read_plan(run.plan_path), read_manifest(run.split_path), read_metrics(run)
    )
    for problem in _contradictions(run, contents):
        raise damaged(run, f"in {quoted(run.path)}, {problem}")
    return contents


def _fingerprint(path: Path) -> dict[str, Any]:
    return {"size_bytes": path.stat().st_size, "sha256": digest_of_file(path)}


def _changed_files(run: RunDirectory) -> Iterator[str]:
    """Yield the files that are not as they were at the end of training; none if that is unknown."""
    if not os.path.lexists(run.digests_path):
        return
    written = read_json(run.digests_path)
    if not isinstance(written, dict) or written.keys() != {*FILES_AT_END}:
        raise damaged(run, f"{quoted(run.digests_path)}: not the digests of a run")
    for name, expected in written.items():
        path = run.path / name
        try:
            status = os.stat(path)
            # Other sizes are not read: a file of 40 GB takes minutes, and a pipe for ever.
            same_size = isinstance(expected, dict) and status.st_size == expected.get("size_bytes")
            if kind_of(status.st_mode) or not same_size or _fingerprint(path) != expected:
                yield name
        except OSError:
            yield name


def _contradictions(run: RunDirectory, contents: RunContents) -> Iterator[str]:
    """Yield what two files of a run say differently."""
    split, manifest = contents.plan.split, contents.manifest
    if len({*split.classes}) < len(split.classes) or "" in split.classes:
        yield "plan.yaml names a class twice, or one without a name"
    if run.read_labels() != split.classes:
        yield "labels.txt and plan.yaml name other classes, or in another order"
    targets = manifest.targets
    if targets is None and manifest.classes != split.classes:
        yield "split.csv and plan.yaml name other classes, or in another order"
    if (targets is None) != (contents.plan.task == CLASSES):
        yield "split.csv and plan.yaml are of other tasks"
    if targets is not None and targets.shape[1:] != (len(split.classes),):
        yield "split.csv has other targets than plan.yaml"
    planned = (split.n_train, split.n_val, split.n_test)
    counted = tuple(map(manifest.count, SPLITS))
    if counted != planned:
        in_words = [" + ".join(map(str, counts)) for counts in (counted, planned)]
        yield "split.csv has {} images for train, val and test, and plan.yaml {}".format(*in_words)
    for name, report in contents.metrics.reports.items():
        if not _is_report_of(name, report, manifest):
            yield f"metrics.json has scores on {name} that do not fit split.csv"


def _is_report_of(split: str, report: Report | TargetReport, manifest: SplitManifest) -> bool:
    """Return whether scores are of a split, and do not contradict themselves."""
    if not isinstance(report, Report):
        return report.split == split and report.n == manifest.count(split)
    counts = Counter(manifest.labels[manifest.indices(split)].tolist())
    per_class = [counts[label] for label in range(len(manifest.classes))]
    right = sum(row[label] for label, row in enumerate(report.confusion) if label < len(row))
    return (
        report.split == split
        and report.classes == manifest.classes
        and report.n == sum(per_class)
        and [row.get("n") for row in report.per_class] == per_class
        and [row.get("name") for row in report.per_class] == [*manifest.classes]
        and [sum(row) for row in report.confusion] == per_class
        and abs(report.accuracy * report.n - right) < 1e-6 * max(1, report.n)
    )
