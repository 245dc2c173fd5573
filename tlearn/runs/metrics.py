"""What came of a run: `metrics.json`, read back into records, of this version or of the first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tlearn.confidence.confidence import UNKNOWN, Confidence
from tlearn.confidence.strangers import Taught
from tlearn.errors import RunError, pasted, quoted
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.target_scores import TargetReport
from tlearn.runs.directory import RunDirectory
from tlearn.storage.text import first_problem, read_json

_FIRST_KEYS = {"tuning_kept": "interpolation", "findings": "issues"}
"""Keys of the first version to those of today."""


@dataclass(frozen=True)
class RunMetrics:
    """Scores, times and data issues of a run.

    Attributes:
        folder: Folder or CSV that it was trained on.
        reports: "val" and "test", as far as the run has them, to the scores.
        seconds: Step to the time that it took, and `total`.
        interpolation: How far the model lies from the solved head (0) to where tuning ended (1).
        warnings: What went wrong in training, in sentences.
        issues: What was found in the data: kind, severity, message and names.
        confidence: What is known of the model's answers; nothing of a run made before that was
            measured.
        taught: What has taught the model which images to refuse; None where nothing has.
    """

    folder: str
    reports: dict[str, Report | TargetReport]
    seconds: dict[str, float] = field(default_factory=dict)
    interpolation: float | None = None
    warnings: tuple[str, ...] = ()
    issues: tuple[dict[str, Any], ...] = ()
    confidence: Confidence = UNKNOWN
    taught: Taught | None = None

    @property
    def report(self) -> Report | TargetReport:
        """Return the scores that a run reports: on test, or on val without a test split."""
        return self.reports["test" if "test" in self.reports else "val"]


def read_metrics(run: RunDirectory) -> RunMetrics:
    """Read `metrics.json`.

    Raises:
        RunError: It is missing or damaged.
    """
    from pydantic import TypeAdapter, ValidationError

    document = read_json(run.metrics_path)
    try:
        metrics = TypeAdapter(RunMetrics).validate_python(_current(document))
    except ValidationError as error:
        raise damaged(run, f"{quoted(run.metrics_path)}: {first_problem(error)}") from error
    if not metrics.reports.keys() & {"val", "test"}:
        raise damaged(run, f"{quoted(run.metrics_path)}: no report on val or test")
    return metrics


def damaged(run: RunDirectory, problem: str) -> RunError:
    """Return the error for a run with a file that cannot be used.

    Args:
        run: The run.
        problem: The file, and what is wrong with it.
    """
    command = f"tlearn finetune FOLDER --out {pasted(run.path)} --overwrite"
    return RunError(f"damaged: {problem}", f"train again: {command}")


def _current(document: Any) -> Any:
    """Return a document under the keys of today."""
    if not isinstance(document, Mapping):
        return document
    values = {_FIRST_KEYS.get(key, key): value for key, value in document.items()}
    reports = values.get("reports")
    if isinstance(reports, Mapping):
        values["reports"] = {
            split: {"split": split, **report} if isinstance(report, Mapping) else report
            for split, report in reports.items()
        }
    return values
