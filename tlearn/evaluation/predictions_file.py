"""predictions.csv and errors.csv: what a model answered on every held-out image."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from tlearn.data.order import answered
from tlearn.evaluation.predictions import csv_path, csv_text
from tlearn.storage.atomic import write_atomic

_COLUMNS = ("path", "split", "truth", "answer")


@dataclass(frozen=True, eq=False)
class SplitPredictions:
    """The probabilities that a model gave for the images of one held-out split.

    Attributes:
        split: "val" or "test".
        classes: Names, in the order of the model's outputs.
        names: (n,) paths of the images inside their folder.
        labels: (n,) true classes, as indices into `classes`.
        probabilities: (n, classes).
        ordered: Whether the classes are steps of a scale.
    """

    split: str
    classes: Sequence[str]
    names: Sequence[str]
    labels: np.ndarray
    probabilities: np.ndarray
    ordered: bool = False

    @cached_property
    def answers(self) -> np.ndarray:
        """Return (n,) answers; ties go to the first class."""
        return answered(self.probabilities, self.ordered)

    @cached_property
    def confidence(self) -> np.ndarray:
        """Return (n,) probabilities of the answers."""
        return self.probabilities[np.arange(len(self.answers)), self.answers]

    @cached_property
    def errors(self) -> np.ndarray:
        """Return the rows that were answered wrongly, the most confident first."""
        wrong = np.flatnonzero(self.answers != self.labels)
        return wrong[np.argsort(-self.confidence[wrong], kind="stable")]


def write_predictions(path: Path, splits: Sequence[SplitPredictions]) -> None:
    """Write one row for each held-out image: path, split, truth, answer, each probability.

    Args:
        path: The CSV file.
        splits: At least one; all have the same classes.

    Raises:
        HostError: The file cannot be written.
    """
    header = [*_COLUMNS, *(f"probability_{csv_text(name)}" for name in splits[0].classes)]
    rows = (
        [*_labels(split, row), *(f"{share:.6f}" for share in split.probabilities[row])]
        for split in splits
        for row in range(len(split.labels))
    )
    _write(path, header, rows)


def write_errors(path: Path, splits: Sequence[SplitPredictions]) -> None:
    """Write one row for each wrong answer, the most confident first.

    The columns are path, split, truth, answer and the probability of the answer.

    Args:
        path: The CSV file.
        splits: The held-out splits.

    Raises:
        HostError: The file cannot be written.
    """
    errors = [(split, row) for split in splits for row in split.errors]
    errors.sort(key=lambda error: -error[0].confidence[error[1]])
    rows = ([*_labels(split, row), f"{split.confidence[row]:.6f}"] for split, row in errors)
    _write(path, [*_COLUMNS, "probability"], rows)


def _labels(split: SplitPredictions, row: int) -> list[str]:
    truth, answer = split.classes[split.labels[row]], split.classes[split.answers[row]]
    return [csv_path(split.names[row]), split.split, csv_text(truth), csv_text(answer)]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    def write(temporary: Path) -> None:
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header)
            writer.writerows(rows)

    write_atomic(path, write)
