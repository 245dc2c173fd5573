"""What a model says of an image that is no class: several labels, or a number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.confidence.confidence import Confidence
from tlearn.data.good_images import BAD, GOOD
from tlearn.data.targets import LABELS, ONE_CLASS


@dataclass(frozen=True)
class TargetPrediction:
    """The answer of a model for one image.

    Attributes:
        name: The image, as the person named it.
        answers: Name of each output to the probability of that label, or to the number.
        labels: Those that are answered, the most probable first; none of a number.
        interval: Around a number, which it holds as often as the model promises; None without.
        problem: Why the image could not be read.
        is_number: Whether the answer is a number, and no label.
    """

    name: str
    answers: Mapping[str, float]
    labels: tuple[str, ...] = ()
    interval: tuple[float, float] | None = None
    problem: str | None = None
    is_number: bool = False

    @classmethod
    def of(
        cls, name: str, answer: np.ndarray, outputs: Sequence[str], task: str, known: Confidence
    ) -> TargetPrediction:
        """Return the prediction for one answer.

        Args:
            name: The image, as the person named it.
            answer: (outputs,), of the model.
            outputs: Their names.
            task: LABELS or NUMBER.
            known: Thresholds of the labels, or the interval around the number.
        """
        answers = dict(zip(outputs, map(float, answer), strict=True))
        if task == LABELS:
            thresholds = known.thresholds_of(len(outputs))
            order = np.argsort(-answer, kind="stable").tolist()
            said = tuple(outputs[n] for n in order if answer[n] >= thresholds[n])
            return cls(name, answers, said)
        if task == ONE_CLASS:
            least = known.false_alarms.threshold if known.false_alarms else 0.95
            return cls(name, answers, (BAD if answer[0] >= least else GOOD,))
        number, value = known.number, float(answer[0])
        if number is None or number.half_width is None:
            return cls(name, answers, is_number=True)
        width = number.half_width * (value if number.relative else 1.0)
        low = max(value - width, 0.0) if number.relative else value - width
        return cls(name, answers, interval=(low, value + width), is_number=True)

    def to_json(self) -> dict[str, Any]:
        """Return the record of `tlearn predict --json`."""
        return {
            "image": self.name,
            "problem": self.problem,
            "labels": [*self.labels],
            "answers": dict(self.answers),
            "interval": self.interval and [*self.interval],
        }
