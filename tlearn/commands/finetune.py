"""Train a classifier on a folder and keep it as a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tlearn.data.dataset import Dataset
from tlearn.evaluation.metrics import Report
from tlearn.features.engine import EngineChoice
from tlearn.recipe.plan import Plan
from tlearn.runs.directory import RunDirectory
from tlearn.suggestion.advice import Advice


@dataclass(frozen=True)
class FinetuneResult:
    """What `finetune` did, or with `run` None, would do.

    Attributes:
        run: The run directory.
        plan: Every value settled.
        advice: The measured suggestion, where the policy was left open.
        dataset: The folder as read.
        reports: Part name to what the model scored on it.
        history: Epoch records.
        interpolation: How far the model lies from the solved head (0) to where tuning ended (1).
        seconds: Where the time went, and `total`.
        engines: What ran the frozen network.
        forecast_seconds: What was forecast for all of it on this machine, before training.
    """

    run: RunDirectory | None
    plan: Plan
    advice: Advice | None
    dataset: Dataset
    reports: Mapping[str, Report]
    history: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    engines: EngineChoice
    interpolation: float | None = None
    forecast_seconds: float | None = None
