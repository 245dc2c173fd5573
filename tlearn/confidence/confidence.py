"""What is known of a model's answers, as a run and a contract keep it."""

from __future__ import annotations

from dataclasses import dataclass

from tlearn.confidence.answer_sets import AnswerSets
from tlearn.confidence.false_alarms import FalseAlarms
from tlearn.confidence.temperature import NO_TEMPERATURE, Temperature


@dataclass(frozen=True)
class KnownScale:
    """What set the scale of `known`.

    Attributes:
        fitted_on: See `Temperature`.
        n: Number of images.
        own: Quantiles of their `known`, from the least to the greatest, evenly spaced.
    """

    fitted_on: str
    n: int
    own: tuple[float, ...]


@dataclass(frozen=True)
class NumberPromise:
    """How near to a model's answer the true number lies.

    Attributes:
        half_width: Of the interval around an answer; None where too few images were held out.
        level: Share of new images whose number is in it.
        relative: Whether it is a share of the answer.
        n: Images that it was computed on.
    """

    half_width: float | None
    level: float
    relative: bool
    n: int


@dataclass(frozen=True)
class Confidence:
    """What is known of a model's answers.

    Attributes:
        temperature: What its logits were divided by.
        known: The scale of its second output; None where it has none.
        sets: Promises about sets of its answers; none where too few images were held out.
        thresholds: Of several labels, the probability from which each is answered.
        number: Of a number, the interval around it.
        false_alarms: Of good images, from which `anomaly` on an image is called bad.
        ordered: Whether the classes are steps of a scale: then the middle one is answered, that
            has half of the probability below it at most, and half above.
    """

    temperature: Temperature = NO_TEMPERATURE
    known: KnownScale | None = None
    sets: tuple[AnswerSets, ...] = ()
    thresholds: tuple[float, ...] = ()
    number: NumberPromise | None = None
    false_alarms: FalseAlarms | None = None
    ordered: bool = False

    def thresholds_of(self, n_outputs: int) -> tuple[float, ...]:
        """Return from which output on each label, or "bad", is answered."""
        if self.false_alarms:
            return (self.false_alarms.threshold,)
        return self.thresholds or (0.5,) * n_outputs

    def answer_sets(self) -> AnswerSets | None:
        """Return the promise that holds most often; None where there is none."""
        return max(self.sets, key=lambda sets: sets.level, default=None)


UNKNOWN = Confidence()
"""Of a run made before any of this was measured."""
