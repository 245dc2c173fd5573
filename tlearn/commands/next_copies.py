"""Copies of images to be labeled: beside folders of the classes, or a table to fill in."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Sequence
from pathlib import Path

from tlearn.data.targets import NUMBER
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.sorting import class_folders
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import os_errors_as_host_errors
from tlearn.storage.names import free_name

TABLE = "labels.csv"
"""What is to be filled in, where labels or a number are learned."""


def copy_images(
    images: Sequence[Prediction | TargetPrediction], out: Path, trained: TrainedRun, by_guess: bool
) -> list[str]:
    """Copy images under their own names, numbered where several have one; return the copies.

    Args:
        images: What the run says of each.
        out: Where to.
        trained: The run.
        by_guess: Copy into the folders of the most probable classes, not beside them, or fill in
            the table with the answers.
    """
    targets = [image for image in images if isinstance(image, TargetPrediction)]
    folders = class_folders(() if targets else trained.labels)
    taken, copies = {TABLE} if targets else set[str](), list[str]()
    with os_errors_as_host_errors(out):
        for folder in ("", *folders.values()):
            (out / folder).mkdir(parents=True, exist_ok=True)
        for image in images:
            guess = by_guess and isinstance(image, Prediction) and folders[image.top[0][0]]
            name = Path(image.name).name
            copies.append(free_name(out, f"{guess}/{name}" if guess else name, taken))
            shutil.copy2(image.name, out / copies[-1])
        if targets:
            _write_table(out / TABLE, targets, copies, trained, by_guess)
    return copies


def _write_table(
    path: Path,
    images: Sequence[TargetPrediction],
    copies: Sequence[str],
    trained: TrainedRun,
    by_guess: bool,
) -> None:
    """Write a row for each image, with a column for each label, of 0 and 1, or for the number."""
    number = trained.plan.task == NUMBER
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["path", *(["label"] if number else trained.labels)])
        for image, copy in zip(images, copies, strict=True):
            said = image.answers.values() if number else (n in image.labels for n in image.answers)
            writer.writerow([copy, *(f"{float(value):.4g}" if by_guess else "" for value in said)])
