"""Example images for the report: confident errors, right answers, and the least certain."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from timeit import timeit

import numpy as np

from tlearn.data.pixel_store import PixelArray
from tlearn.data.sampling import in_turn
from tlearn.evaluation.explain_maps import PASSES, Classifier, explain_image
from tlearn.evaluation.explain_overlay import draw_map
from tlearn.evaluation.predictions_file import SplitPredictions

_TIMED = 4
"""Images of the pass by which it is told how long a map takes."""

N_ERRORS, N_RIGHT, N_LEAST_CERTAIN = 24, 12, 12


@dataclass(frozen=True, eq=False)
class ExampleImage:
    """An image and what the model said of it.

    Attributes:
        pixels: uint8 (height, width, 3).
        name: Path inside the image folder.
        truth: Its class.
        answer: The most probable class.
        probability: Of the answer.
        runner_up: The second most probable class.
        runner_up_probability: Of that class.
        map: Where the model looks, drawn over the image; None where that was not measured.
    """

    pixels: np.ndarray
    name: str
    truth: str
    answer: str
    probability: float
    runner_up: str
    runner_up_probability: float
    map: np.ndarray | None = None


@dataclass(frozen=True)
class Examples:
    """Images of a held-out split, in three groups that do not overlap.

    Attributes:
        errors: Wrong answers, the most confident first.
        right: Right answers, every class in turn, the most confident of each.
        least_certain: Of the rest, those with the lowest probability of the answer.
    """

    errors: Sequence[ExampleImage] = ()
    right: Sequence[ExampleImage] = ()
    least_certain: Sequence[ExampleImage] = ()

    @property
    def mapped(self) -> bool:
        """Return whether it is shown of any image where the model looks."""
        return any(example.map is not None for example in (*self.errors, *self.right))


def pick_examples(predictions: SplitPredictions, pixels: PixelArray) -> Examples:
    """Choose images that show what the model knows, what it confuses and where it hesitates.

    Args:
        predictions: Of one held-out split.
        pixels: uint8 (n, height, width, 3), in the same order; only the chosen rows are read.
    """
    by_confidence = np.argsort(-predictions.confidence, kind="stable")
    errors = predictions.errors[:N_ERRORS]
    right = by_confidence[~np.isin(by_confidence, predictions.errors)]
    right = in_turn(right, predictions.labels)[:N_RIGHT]
    rest = by_confidence[~np.isin(by_confidence, [*errors, *right])]
    groups = (errors, right, rest[::-1][:N_LEAST_CERTAIN])
    return Examples(*([_example(predictions, pixels, row) for row in rows] for rows in groups))


def with_maps(
    examples: Examples, open_answer: Callable[[], Classifier], seconds: float
) -> Examples:
    """Return the examples with maps of as many as fit into a time, if any does.

    The errors come first, then a right answer of each class, as they stand.

    Args:
        examples: From `pick_examples`.
        open_answer: Opens the model.
        seconds: What the maps may take, opening the model included.
    """
    one_a_class = list({example.truth: example for example in reversed(examples.right)}.values())
    drawn: dict[str, np.ndarray] = {}
    end, needed = time.perf_counter() + seconds, 0.0
    answer = open_answer()
    for example in (*examples.errors, *reversed(one_a_class)):
        started = time.perf_counter()
        if not drawn:
            few = np.stack([example.pixels] * _TIMED)
            answer(few)  # the first pass prepares what the next ones use
            needed = PASSES / _TIMED * timeit(partial(answer, few), number=1)
        if time.perf_counter() + needed > end:
            break
        drawn[example.name] = draw_map(example.pixels, explain_image(answer, example.pixels).warmth)
        needed = time.perf_counter() - started
    groups = (examples.errors, examples.right, examples.least_certain)
    return Examples(*([replace(x, map=drawn.get(x.name)) for x in group] for group in groups))


def _example(predictions: SplitPredictions, pixels: PixelArray, row: int) -> ExampleImage:
    probabilities, classes = predictions.probabilities[row], predictions.classes
    answer, runner_up = np.argsort(-probabilities, kind="stable")[:2]
    return ExampleImage(
        pixels=np.asarray(pixels[row]),
        name=predictions.names[row],
        truth=classes[predictions.labels[row]],
        answer=classes[answer],
        probability=float(probabilities[answer]),
        runner_up=classes[runner_up],
        runner_up_probability=float(probabilities[runner_up]),
    )
