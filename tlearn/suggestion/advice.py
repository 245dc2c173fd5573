"""What was measured of a folder, and what it comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlearn.data.dataset import Dataset
from tlearn.features.engine import EngineChoice
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.depth_profile import DepthProfile
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.learning_curve import LearningCurve
from tlearn.suggestion.matrix import Evidence, Suggestion
from tlearn.suggestion.similarity import Similarity


@dataclass(frozen=True)
class Advice:
    """A suggestion with the evidence behind it; what was not measured is None.

    Attributes:
        suggestion: The cell, the policy and the reasons.
        similarity: What was measured of the domain.
        profile: Cross-validated accuracy by stage.
        dataset: The folder as read.
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
    dataset: Dataset | None = None
    backbone: str | None = None
    seconds: Mapping[str, float] | None = None
    engines: EngineChoice | None = None
    backbone_reason: str = ""
    options: Sequence[Option] = ()
    curve: LearningCurve | None = None
    nearest: Mapping[str, Sequence[tuple[str, float]]] = field(default_factory=dict)
    evidence: Evidence | None = None
    int8: Int8Cost | None = None
