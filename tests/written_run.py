"""Runs written by hand with tlearn's own writers: their files are real, no model was trained."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tlearn.data.manifest import SplitManifest, write_manifest
from tlearn.evaluation.metrics import score
from tlearn.features.extractor import StageInfo
from tlearn.recipe.loading import load_recipe
from tlearn.recipe.plan import Plan
from tlearn.recipe.plan_file import write_plan
from tlearn.recipe.planning import BackboneInfo, SplitCounts, make_plan
from tlearn.runs.directory import MARKER, RunDirectory
from tlearn.runs.provenance import Provenance, SplitOrigin, write_provenance
from tlearn.storage.digest import digest_of_bytes
from tlearn.storage.text import write_json

CLASSES = ("ants", "bees", "[bold]wasps")
COUNTS = {"train": 8, "val": 2, "test": 4}
"""Images of each class in each split."""

WriteRun = Callable[..., RunDirectory]


def make_manifest(
    classes: Sequence[str] = CLASSES, counts: Mapping[str, int] = COUNTS, shift: int = 0
) -> SplitManifest:
    """Return a split of images named after their class; `shift` makes other images of them."""
    rows = [
        (f"{name}/{split}_{number + shift}.png", label, split)
        for split, count in counts.items()
        for label, name in enumerate(classes)
        for number in range(count)
    ]
    names, labels, splits = zip(*rows, strict=True)
    digests = tuple(digest_of_bytes(name.encode()) for name in names)
    folds = 0 if counts.get("val") else 5
    report_split = "test" if counts.get("test") else "val"
    return SplitManifest(
        tuple(classes), names, np.array(labels), splits, digests, report_split, folds
    )


def plan_of(manifest: SplitManifest, policy: str, flags: Mapping[str, Any]) -> Plan:
    """Return what a recipe makes of a split, on a backbone of three stages."""
    backbone = str(flags.get("backbone", "mobilenet_v2"))
    info = BackboneInfo(backbone, 224, "abc", "")
    counts = SplitCounts(
        manifest.classes, *(manifest.count(split) for split in COUNTS), manifest.folds
    )
    stages = [StageInfo(f"stage {n}", n, 56, 32, 1000, 0) for n in (1, 2, 3)]
    plan = make_plan(load_recipe(None, dict(flags) | {"policy": policy}), counts, info, stages)
    solved = None if policy == "from_scratch" else plan.head.solved_l2 or 0.01
    return replace(plan, head=replace(plan.head, solved_l2=solved))


def probabilities_of(manifest: SplitManifest, split: str, wrong: Sequence[int]) -> np.ndarray:
    """Return answers that are right but for the rows in `wrong`, which get the next class."""
    labels = manifest.labels[manifest.indices(split)].copy()
    n_classes = len(manifest.classes)
    labels[list(wrong)] = (labels[list(wrong)] + 1) % n_classes
    return np.where(np.eye(n_classes)[labels] > 0, 0.9, 0.1 / (n_classes - 1))


def write_predictions(run: RunDirectory, manifest: SplitManifest, wrong: Sequence[int]) -> None:
    """Write `predictions.csv` for the test split."""
    columns = ["path", "split", "truth", "answer", *(f"probability_{c}" for c in manifest.classes)]
    with (run.path / "predictions.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        split = manifest.report_split
        answers = probabilities_of(manifest, split, wrong)
        for row, answer in zip(manifest.indices(split), answers, strict=True):
            truth = manifest.classes[manifest.labels[row]]
            predicted = manifest.classes[answer.argmax()]
            writer.writerow([manifest.names[row], split, truth, predicted, *answer.tolist()])


def make_provenance(**changes: Any) -> Provenance:
    """Return a provenance with everything drawn from one folder."""
    drawn = SplitOrigin("drawn", 0.15, "all", 7)
    values: dict[str, Any] = {
        "date": "2026-01-02T03:04:05+00:00",
        "command": "tlearn finetune insects",
        "python": "3.11.9",
        "versions": {"tlearn": "0.1.0", "keras": "3.15.1", "tensorflow": None},
        "system": "Linux-6",
        "processor": "a processor",
        "cores": 4,
        "seeds": {"split": 7, "training": 7},
        "splits": {"train": SplitOrigin("rest"), "val": drawn, "test": drawn},
    }
    return Provenance(**values | changes)


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Write a finished run: `write_run("a", policy="deep", wrong=(0, 5), started="2026-01-02")`."""

    def write(
        name: str = "run",
        *,
        policy: str = "linear_head",
        wrong: Sequence[int] = (0,),
        flags: Mapping[str, Any] | None = None,
        manifest: SplitManifest | None = None,
        started: str = "2026-01-02T03:04:05+00:00",
        predictions: bool = True,
        provenance: Provenance | None = None,
        metrics: Mapping[str, Any] | None = None,
    ) -> RunDirectory:
        run = RunDirectory.create(tmp_path / "runs" / name, policy)
        manifest = manifest or make_manifest()
        (run.path / MARKER).write_text(started)
        write_plan(plan_of(manifest, policy, flags or {}), run.plan_path)
        write_manifest(manifest, run.split_path)
        run.write_labels(manifest.classes)
        run.model_path.write_bytes(b"x" * 1000)
        split = manifest.report_split
        labels = manifest.labels[manifest.indices(split)]
        answers = probabilities_of(manifest, split, wrong)
        reports = {split: score(answers, labels, manifest.classes, split).to_json()}
        values = {"folder": "/data/insects", "reports": reports, "seconds": {"total": 12.5}}
        write_json(run.metrics_path, values | dict(metrics or {}))
        if predictions:
            write_predictions(run, manifest, wrong)
        if provenance:
            write_provenance(run, provenance)
        return run

    return write
