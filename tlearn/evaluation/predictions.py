"""Predictions for images: run a model in batches, rank the labels, format them as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.confidence.answer_sets import in_set
from tlearn.confidence.answers import Answer, Answers
from tlearn.confidence.confidence import UNKNOWN, Confidence
from tlearn.confidence.novelty import REFUSED
from tlearn.confidence.operating_point import OperatingPoint
from tlearn.data.order import ranking
from tlearn.data.pixel_store import PixelArray
from tlearn.storage.text import escape_invisible

_BATCH = 32
_TOP = 5
"""Labels that a prediction names at most."""

Ranking = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Prediction:
    """The answer of a model for one image.

    Attributes:
        name: The image, as the person named it.
        label: The most probable label, the middle one of a scale, or the one that an operating
            point says; empty when the image could not be read, or is none of the classes.
        probability: Of the label, or of the first in `top` where there is none.
        top: The most probable labels with their probabilities: the answer first, then the best.
        problem: Why the image could not be read.
        known: How like the training images it is; None where the model does not say.
        answers: The set of labels that holds the right one as often as the model promises, the
            most probable first; empty where it promises nothing.
    """

    name: str
    label: str
    probability: float
    top: Ranking
    problem: str | None = None
    known: float | None = None
    answers: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        name: str,
        answer: Answer,
        labels: Sequence[str],
        confidence: Confidence = UNKNOWN,
        refuse: float = REFUSED,
        point: OperatingPoint | None = None,
    ) -> Prediction:
        """Return the prediction for one answer.

        Args:
            name: The image, as the person named it.
            answer: Of the model.
            labels: In the order of its probabilities.
            confidence: What is known of its answers.
            refuse: Least `known` of an answer that is not refused.
            point: Of two labels, from which probability on one is answered; None answers the more
                probable one.
        """
        known, sets = answer.known, confidence.answer_sets()
        ranked = top_k(answer.probabilities, labels, len(labels), confidence.ordered)
        members = in_set(answer.probabilities[np.newaxis], sets.threshold).sum() if sets else 0
        answers = tuple(label for label, _ in top_k(answer.probabilities, labels, int(members)))
        if point:
            found = point.found(answer.probabilities[np.newaxis], labels)[0]
            ranked = ranked if (ranked[0][0] == point.positive) == found else ranked[::-1]
        label, probability = ranked[0]
        if known is not None and known < refuse:
            label, answers = "", ()
        return cls(name, label, probability, ranked[:_TOP], known=known, answers=answers)

    @classmethod
    def unreadable(cls, name: str, problem: str) -> Prediction:
        """Return the record of an image that could not be read."""
        return cls(name, "", 0.0, (), problem)

    def to_json(self, top: int) -> dict[str, Any]:
        """Return the record of `tlearn predict --json` with at most so many labels in `top`."""
        return {
            "image": self.name,
            "label": self.label or None,
            "probability": self.probability if self.top else None,
            "known": self.known,
            "set": list(self.answers),
            "top": [{"label": name, "probability": p} for name, p in self.top[:top]],
            "problem": self.problem,
        }


def top_k(
    probabilities: np.ndarray, labels: Sequence[str], k: int, ordered: bool = False
) -> Ranking:
    """Return k labels of one row (classes,), in the order of `order.ranking`."""
    order = ranking(probabilities[np.newaxis], ordered)[0, :k]
    return tuple((labels[index], float(probabilities[index])) for index in order)


def answer_pixels(
    model: Callable[[np.ndarray], Any], pixels: PixelArray, batch_size: int = _BATCH
) -> Answers:
    """Run a classifier over images, one batch in memory at a time.

    Args:
        model: Takes (b, H, W, 3) with values 0-255 in the type of `pixels`, gives probabilities
            (b, classes), or a list of these and of `known` (b, 1) or `map` (b, height, width).
        pixels: (n, H, W, 3) with n > 0; may be memory-mapped.
        batch_size: Images per call; the last call gets the rest.
    """
    given = map(model, batches(pixels, batch_size))
    outputs = [output if isinstance(output, list) else [output] for output in given]
    probabilities, *others = (
        np.concatenate(parts).astype(np.float32) for parts in zip(*outputs, strict=True)
    )
    known = next((other[:, 0] for other in others if other.ndim == 2), None)
    return Answers(probabilities, known, next((o for o in others if o.ndim == 3), None))


def predict_pixels(
    model: Callable[[np.ndarray], Any], pixels: PixelArray, batch_size: int = _BATCH
) -> np.ndarray:
    """Run a model with one output over images, one batch in memory at a time.

    Args:
        model: Takes (b, H, W, 3) with values 0-255 in the type of `pixels`, gives (b, width).
        pixels: See `answer_pixels`.
        batch_size: See `answer_pixels`.

    Returns:
        (n, width) float32.
    """
    given = map(model, batches(pixels, batch_size))
    return np.concatenate([np.asarray(output, np.float32) for output in given])


def batches(pixels: PixelArray, batch_size: int = _BATCH) -> Iterator[np.ndarray]:
    """Yield images batch by batch, the last one with the rest."""
    if not len(pixels):
        raise ValueError(f"expected at least one image. Received: {pixels.shape}")
    for start in range(0, len(pixels), batch_size):
        yield np.array(pixels[start : start + batch_size])


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return a CSV table: image, label, probability, problem, known, label_2, probability_2 ...

    The label of an image that is none of the classes is empty.
    """
    width = max((len(prediction.top) for prediction in predictions), default=1)
    ranked = [f"{column}_{rank}" for rank in range(2, width + 1) for column in _RANKED]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image", *_RANKED, "problem", "known", *ranked])
    for prediction in predictions:
        label, probability = prediction.label, f"{prediction.probability:.6f}"
        name, problem = csv_path(prediction.name), csv_text(prediction.problem or "")
        label = csv_text(label)
        known = "" if prediction.known is None else f"{prediction.known:.6f}"
        row = [name, label, probability if prediction.top else "", problem, known]
        for label, share in prediction.top[1:]:
            row += [csv_text(label), f"{share:.6f}"]
        writer.writerow(row + [""] * (5 + len(ranked) - len(row)))
    return table.getvalue()


_RANKED = ("label", "probability")


def csv_text(text: str) -> str:
    """Return text as it is safe in a cell of a CSV file.

    Control characters and marks of text direction are spelled out. Text that a spreadsheet would
    run as a formula (it starts with = + - or @, also of full width) gets an apostrophe in front.
    """
    text = escape_invisible(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def csv_path(path: str) -> str:
    """Return a path as it is safe in a cell of a CSV file, and still leads to the file.

    In front of what a spreadsheet would run as a formula stands ./ and not an apostrophe: a script
    that reads the file can open the path as it is.
    """
    return f"./{escape_invisible(path)}" if path.startswith(_FORMULA) else escape_invisible(path)


_FORMULA = tuple("=+-@\uff1d\uff0b\uff0d\uff20")
