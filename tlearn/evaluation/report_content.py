"""What the report of a run is made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tlearn.confidence.answer_sets import Coverage
from tlearn.confidence.confidence import UNKNOWN, Confidence
from tlearn.confidence.strangers import Taught
from tlearn.data.inspection import DataIssue
from tlearn.evaluation.examples import Examples
from tlearn.evaluation.metrics import Report
from tlearn.evaluation.resampling import Repeats
from tlearn.recipe.plan import Plan
from tlearn.suggestion.accuracy_forecast import Option

if TYPE_CHECKING:
    from tlearn.suggestion.advice import Advice


@dataclass(frozen=True)
class NextStep:
    """Something to do with the run, and the command that does it."""

    text: str
    command: str


@dataclass(frozen=True)
class ReportContent:
    """Everything that the page and the figures of a run show; what is empty is left out.

    Where the plan keeps no samples (private images), no image and no image's name is shown.

    Attributes:
        title: Heading, such as the name of the image folder.
        plan: What was carried out.
        reports: Split to the scores on it: "test", "val" or both.
        history: One record for each epoch: epoch, accuracy, val_accuracy, loss, val_loss where
            known; epoch 0 is the solved head that training started from.
        warnings: What went wrong in training, in sentences.
        issues: What is wrong or risky in the image folder.
        timings: Step to seconds.
        seconds: What the plan took in all, to compare with its forecast.
        examples: Images of the leading split.
        advice: The evidence that led to the plan, or None where nothing was measured.
        provenance: Versions, system, processor, date and command, in the order to show them.
        next_steps: What to do with the run.
        confidence: What is known of the model's answers.
        taught: What has taught the model which images to refuse; None where nothing has.
        coverage: How promises about sets of answers were kept on the leading split; none where
            they were computed on it.
        repeats: What the same training reached on other splits, None where it was not repeated.
    """

    title: str
    plan: Plan
    reports: Mapping[str, Report]
    history: Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()
    issues: Sequence[DataIssue] = ()
    timings: Mapping[str, float] = field(default_factory=dict)
    seconds: float | None = None
    examples: Examples = field(default_factory=Examples)
    advice: Advice | None = None
    provenance: Mapping[str, str] = field(default_factory=dict)
    next_steps: Sequence[NextStep] = ()
    confidence: Confidence = UNKNOWN
    taught: Taught | None = None
    coverage: Sequence[Coverage] = ()
    repeats: Repeats | None = None

    @property
    def leading(self) -> Report:
        """Return the scores that lead: those on the test split, or on the only one there is."""
        return self.reports.get("test") or next(iter(self.reports.values()))

    @property
    def private(self) -> bool:
        """Return whether images and their names must not be shown."""
        return not self.plan.images.keep_samples

    @property
    def taken(self) -> Option | None:
        """Return the option of the advice that was carried out, None where it was none of them."""
        if not self.advice:
            return None
        return self.advice.option(self.plan.policy, self.plan.value("head_stages"))
