"""What the commands hand to those who asked: records, nothing that works."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tlearn.evaluation.metrics import Report
from tlearn.features.engine import EngineChoice
from tlearn.features.preparation import Pictures
from tlearn.recipe.plan import Plan
from tlearn.run_directory import RunDirectory
from tlearn.suggestion.depth_profile import DepthProfile
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.learning_curve import LearningCurve
from tlearn.suggestion.options import Option
from tlearn.suggestion.similarity import Similarity
from tlearn.suggestion.strategy import Evidence, Suggestion


@dataclass(frozen=True)
class Advice:
    """A suggestion with the evidence behind it; what was not measured is None.

    Attributes:
        suggestion: The cell, the policy and the reasons.
        similarity: What was measured of the domain.
        profile: Cross-validated accuracy by stage.
        pictures: The folder as read.
        backbone: Name of the backbone that measured it.
        seconds: Where the time went.
        engines: What ran the frozen network.
        backbone_reason: Why that backbone, where nobody named it.
        options: Ways to train and what each is expected to reach.
        curve: Whether more pictures would help.
        nearest: Class to the source classes that its pictures look like, with their shares.
        evidence: What the options were weighed by.
        int8: What int8 would cost, where that was asked.
    """

    suggestion: Suggestion
    similarity: Similarity | None = None
    profile: DepthProfile | None = None
    pictures: Pictures | None = None
    backbone: str | None = None
    seconds: Mapping[str, float] | None = None
    engines: EngineChoice | None = None
    backbone_reason: str = ""
    options: Sequence[Option] = ()
    curve: LearningCurve | None = None
    nearest: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    evidence: Evidence | None = None
    int8: Int8Cost | None = None


@dataclass(frozen=True)
class Outcome:
    """What `finetune` did, or with `run` None, would do.

    Attributes:
        run: The run directory.
        plan: Every value settled.
        advice: The measured suggestion, where the policy was left open.
        pictures: The folder as read.
        reports: Part name to what the model scored on it.
        history: Epoch records.
        tuning_kept: How far the model lies from the solved head (0) to where tuning ended (1).
        seconds: Where the time went, and `total`; of a dry run, `forecast` in all.
        engines: What ran the frozen network.
    """

    run: RunDirectory | None
    plan: Plan
    advice: Advice | None
    pictures: Pictures
    reports: Mapping[str, Report]
    history: Sequence[Mapping[str, Any]]
    seconds: Mapping[str, float]
    engines: EngineChoice
    tuning_kept: float | None = None
