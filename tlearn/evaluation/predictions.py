"""Answers for pictures: run a model batch by batch, rank the labels, write a table."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tlearn.data.pixel_store import PixelArray

Ranking = tuple[tuple[str, float], ...]


@dataclass(frozen=True)
class Prediction:
    """What a model says about one picture.

    Attributes:
        name: The picture, as the person named it.
        label: The most probable label; empty when the picture could not be read.
        probability: Its probability.
        top: The most probable labels with their probabilities, best first.
        problem: Why the picture could not be read.
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
        """The prediction that one row of probabilities (classes,) makes."""
        top = top_k(probabilities, labels, k)
        return cls(name, *top[0], top)

    @classmethod
    def unreadable(cls, name: str, problem: str) -> Prediction:
        """No prediction, and why."""
        return cls(name, "", 0.0, (), problem)


def top_k(probabilities: np.ndarray, labels: Sequence[str], k: int) -> Ranking:
    """The k most probable labels of one row (classes,), best first; ties in label order."""
    order = np.argsort(-probabilities, kind="stable")[:k]
    return tuple((labels[index], float(probabilities[index])) for index in order)


def predict_pixels(
    model: Callable[[np.ndarray], Any], pixels: PixelArray, batch_size: int = 32
) -> np.ndarray:
    """Run a model over pictures, one batch in memory at a time.

    Args:
        model: Takes (b, H, W, 3) with values 0-255 in the type of `pixels`, gives (b, classes).
        pixels: (n, H, W, 3) with n > 0; may be memory-mapped.
        batch_size: Pictures a call; the last call gets what is left.

    Returns:
        (n, classes) float32.
    """
    if not len(pixels):
        raise ValueError(f"expected at least one picture. Received: {pixels.shape}")
    batches = (
        np.array(pixels[start : start + batch_size]) for start in range(0, len(pixels), batch_size)
    )
    return np.concatenate([np.asarray(model(batch), np.float32) for batch in batches])


def to_csv(predictions: Sequence[Prediction]) -> str:
    """A table: picture, label, probability, problem, then label_2, probability_2 and so on.

    Text that a spreadsheet would run as a formula (it starts with = + - @ or a control
    character) gets an apostrophe in front.
    """
    width = max((len(item.top) for item in predictions), default=1)
    further = [f"{word}_{place}" for place in range(2, width + 1) for word in _WORDS]
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["picture", *_WORDS, "problem", *further])
    for item in predictions:
        probability = f"{item.probability:.6f}" if item.top else ""
        row = [_inert(item.name), _inert(item.label), probability, _inert(item.problem or "")]
        for label, share in item.top[1:]:
            row += [_inert(label), f"{share:.6f}"]
        writer.writerow(row + [""] * (4 + len(further) - len(row)))
    return table.getvalue()


_WORDS = ("label", "probability")


def _inert(text: str) -> str:
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) else text
