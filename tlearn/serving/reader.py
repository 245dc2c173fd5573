"""How the bytes of an image become pixels, and a network's answer a record in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.artifacts.contract import Contract
from tlearn.confidence.answers import Answer
from tlearn.confidence.confidence import UNKNOWN, Confidence
from tlearn.confidence.novelty import REFUSED
from tlearn.confidence.operating_point import OperatingPoint
from tlearn.data.decode import read_bytes
from tlearn.data.high_depth import GrayRange
from tlearn.data.targets import CLASSES
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.runs.kept_point import read_point
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class Reader:
    """What has to be known besides the network to answer an image.

    Attributes:
        image_size: Side of its input, in pixels.
        resize: One of `decode.RESIZE_RULES`.
        gray_range: See `decode.decode`.
        labels: Names of its outputs.
        task: What they are, see `targets`.
        confidence: What is known of its answers.
        refuse: Least `known` of an answer that is not refused.
        point: From which probability on one of two labels is answered; None where the more
            probable one is.
    """

    image_size: int
    resize: str
    gray_range: GrayRange | None
    labels: tuple[str, ...]
    task: str
    confidence: Confidence
    refuse: float
    point: OperatingPoint | None

    @classmethod
    def of_contract(cls, contract: Contract) -> Reader:
        """Return how an artifact takes images and answers."""
        images = contract.preprocessing
        return cls(
            images.image_size,
            images.resize,
            images.gray_range,
            contract.labels,
            contract.task or CLASSES,
            contract.confidence or UNKNOWN,
            contract.refuse or 0.0,
            contract.operating_point,
        )

    @classmethod
    def of_run(cls, run: TrainedRun) -> Reader:
        """Return how a run's model takes images and answers.

        Raises:
            RunError: The operating point that is kept in the run is damaged.
        """
        images, task = run.plan.images, run.plan.task
        return cls(
            images.image_size,
            images.resize,
            images.gray_values,
            run.labels,
            task,
            run.confidence,
            REFUSED,
            read_point(run.directory, run.labels) if task == CLASSES else None,
        )

    def decode(self, data: bytes) -> tuple[np.ndarray | None, str | None]:
        """Return the pixels of an image, uint8 (side, side, 3), or why there are none."""
        pixels, info = read_bytes(data, self.image_size, self.resize, self.gray_range)
        return pixels, info.problem

    def record(self, name: str, answer: Answer, top: int) -> dict[str, Any]:
        """Return what `tlearn predict --json` says of one image."""
        if self.task == CLASSES:
            kept = self.labels, self.confidence, self.refuse, self.point
            return Prediction.of(name, answer, *kept).to_json(top)
        outputs = self.labels, self.task, self.confidence
        return TargetPrediction.of(name, answer.probabilities, *outputs).to_json()

    def unreadable(self, name: str, problem: str) -> dict[str, Any]:
        """Return the record of an image that cannot be read."""
        if self.task == CLASSES:
            return Prediction.unreadable(name, problem).to_json(0)
        return TargetPrediction(name, {}, problem=problem).to_json()
