"""Predictions for images: run a model in batches, rank the labels, format them as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.data.pixel_store import PixelArray
from tlearn.storage.text import escape_invisible

Ranking = tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Answers:
    """What a model says of images.

    Attributes:
        probabilities: (n, classes) float32.
        known: (n,) float32, from 0 to 1, how like the training images each is; None where the
            model does not tell.
    """

    probabilities: np.ndarray
    known: np.ndarray | None = None


@dataclass(frozen=True)
class Prediction:
    """The answer of a model for one image.

    Attributes:
        name: The image, as the person named it.
        label: The most probable label; empty when the image could not be read.
        probability: Its probability.
        top: The most probable labels with their probabilities, best first.
        problem: Why the image could not be read.
    """

    name: str
    label: str
    probability: float
    top: Ranking
    problem: str | None = None

    @classmethod
    def of(
        cls, name: str, probabilities: np.ndarray, labels: Sequence[str], k: int = 5
    ) -> Prediction:
        """Return the prediction for one row of probabilities (classes,)."""
        top = top_k(probabilities, labels, k)
        return cls(name, *top[0], top)

    @classmethod
    def unreadable(cls, name: str, problem: str) -> Prediction:
        """Return the record of an image that could not be read."""
        return cls(name, "", 0.0, (), problem)


def top_k(probabilities: np.ndarray, labels: Sequence[str], k: int) -> Ranking:
    """Return the k most probable labels of one row (classes,), best first; ties in label order."""
    order = np.argsort(-probabilities, kind="stable")[:k]
    return tuple((labels[index], float(probabilities[index])) for index in order)


def predict_pixels(
    model: Callable[[np.ndarray], Any], pixels: PixelArray, batch_size: int = 32
) -> np.ndarray:
    """Run a model over images, one batch in memory at a time.

    Args:
        model: Takes (b, H, W, 3) with values 0-255 in the type of `pixels`, gives (b, classes).
        pixels: (n, H, W, 3) with n > 0; may be memory-mapped.
        batch_size: Images per call; the last call gets the rest.

    Returns:
        (n, classes) float32.
    """
    if not len(pixels):
        raise ValueError(f"expected at least one image. Received: {pixels.shape}")
    batches = (
        np.array(pixels[start : start + batch_size]) for start in range(0, len(pixels), batch_size)
    )
    return np.concatenate([np.asarray(model(batch), np.float32) for batch in batches])


def to_csv(predictions: Sequence[Prediction]) -> str:
    """Return a CSV table: image, label, probability, problem, label_2, probability_2 and so on."""
    width = max((len(prediction.top) for prediction in predictions), default=1)
    ranked = [f"{column}_{rank}" for rank in range(2, width + 1) for column in _RANKED]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["image", *_RANKED, "problem", *ranked])
    for prediction in predictions:
        label, probability = prediction.label, f"{prediction.probability:.6f}"
        name, problem = csv_path(prediction.name), csv_text(prediction.problem or "")
        label = csv_text(label)
        row = [name, label, probability if prediction.top else "", problem]
        for label, share in prediction.top[1:]:
            row += [csv_text(label), f"{share:.6f}"]
        writer.writerow(row + [""] * (4 + len(ranked) - len(row)))
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
