"""What a network answers, whichever runtime runs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

PROBABILITIES, KNOWN, MAP = "probabilities", "known", "map"
VALUE, ANOMALY, EMBEDDING = "value", "anomaly", "embedding"
"""Names of a network's outputs."""


class Answer(NamedTuple):
    """What a network answers for one image.

    Attributes:
        probabilities: (classes,) float32.
        known: How like the training images it is, 0 to 1; None where the network has no such
            output.
        map: (height, width) float32, what speaks for the most probable class where; None likewise.
    """

    probabilities: np.ndarray
    known: float | None = None
    map: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Answers:
    """What a network answers for several images.

    Attributes:
        probabilities: (n, classes) float32.
        known: (n,) float32; None where the network has no such output.
        maps: (n, height, width) float32; None likewise.
    """

    probabilities: np.ndarray
    known: np.ndarray | None = None
    maps: np.ndarray | None = None

    def __iter__(self) -> Iterator[Answer]:
        """Yield the answer for each image."""
        nothing = [None] * len(self.probabilities)
        known = nothing if self.known is None else self.known.tolist()
        return map(Answer, self.probabilities, known, nothing if self.maps is None else self.maps)

    @classmethod
    def of(cls, answers: Iterable[Answer]) -> Answers:
        """Return the answers for single images side by side; there is at least one."""
        probabilities, known, maps = zip(*answers, strict=True)
        return cls(
            np.stack(probabilities),
            None if known[0] is None else np.array(known, np.float32),
            None if maps[0] is None else np.stack(maps),
        )


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return logits that have these probabilities; they are known up to a constant."""
    return np.log(np.maximum(probabilities, np.finfo(np.float32).tiny))
