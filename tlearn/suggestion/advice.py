"""The record of everything measured on a folder and the suggestion that follows from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from tlearn.data.dataset import Dataset
from tlearn.doctor.examination import Examination
from tlearn.features.engine import EngineChoice
from tlearn.suggestion.accuracy_forecast import Option
from tlearn.suggestion.depth_profile import DepthProfile
from tlearn.suggestion.int8_cost import Int8Cost
from tlearn.suggestion.learning_curve import LearningCurve
from tlearn.suggestion.matrix import Evidence, Suggestion
from tlearn.suggestion.similarity import Similarity


@dataclass(frozen=True)
class Contender:
    """A backbone at hand, and what a head on its last stages reached.

    Attributes:
        name: Its name in the catalog.
        accuracy: Cross-validated; None where it was not tried.
        gain: Accuracy beyond that of the first backbone, on the same images.
        error: Standard error of the gain.
        untried: Why it was not tried; empty where it was.
    """

    name: str
    accuracy: float | None = None
    gain: float = 0.0
    error: float = 0.0
    untried: str = ""


@dataclass(frozen=True)
class Advice:
    """A suggestion with the evidence behind it; what was not measured is None or empty.

    Attributes:
        suggestion: The cell of the matrix, the policy and the reasons.
        similarity: Similarity to the source domain.
        profile: Cross-validated accuracy of heads by stage.
        dataset: The decoded folder and its split.
        backbone: Name of the backbone that the measurements used.
        seconds: Time spent, by step.
        engines: What ran the frozen network.
        backbone_reason: Why that backbone, where nobody named it.
        options: Ways to train, with the accuracy and time forecast for each.
        curve: Learning curve: whether more images would help.
        nearest: Class to the source classes that its images resemble, with mean probabilities.
        evidence: What the forecasts were computed from.
        int8: Accuracy that int8 would cost, where it was asked for.
        examination: What was found in the folder on the way.
        contenders: How the backbones at hand did, where it was open which to take.
        too_slow: Ways to train that take longer than the time given.
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
    examination: Examination | None = None
    contenders: Sequence[Contender] = ()
    too_slow: Sequence[Option] = ()

    @property
    def advised(self) -> Option | None:
        """Return the option that is suggested; None where nothing was forecast."""
        return self.option(self.suggestion.policy, self.suggestion.head_stages)

    def option(self, policy: str, head_stages: str) -> Option | None:
        """Return the option with a policy and the stages that its head reads.

        Args:
            policy: Name of the policy.
            head_stages: Numbers of stages; "last" is the same as the last one's number.
        """
        last = str(len(self.profile.single)) if self.profile else "last"

        def numbers(stages: str) -> str:
            return last if stages == "last" else stages

        ways = {(str(o.policy), numbers(o.head_stages)): o for o in self.options}
        return ways.get((str(policy), numbers(head_stages)))
