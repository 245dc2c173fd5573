"""Where a model looks: what an answer loses when a part of the image is blurred.

A window is moved over the image. At each place it is blurred, and the model answers again. What the
answer loses there is measured in the units in which a classifier decides, in two ways:

    lead(p, c)  =  log p_c  -  mean over j != c of  log p_j
    odds(p, c)  =  log p_c  -  log of the sum over j != c of  p_j

Windows overlap, so a loss is divided among the cells of a finer grid: with `A[w, i]` the share of
window w that cell i takes up, the warmth `h` of the cells is the ridge solution of

    minimize over h:   |A h - loss|^2  +  strength |h|^2

Each measure gives a map, from the same answers; the one is kept whose warmest tenth costs the
answer more when it is blurred. Where even that costs no more than a random tenth, a weaker penalty
gives two sharper ones. Of a label there is one measure, its log odds. Of a number, what it loses
and what it gains make the two maps: of what moves it up, and of what moves it down.

It needs nothing of the model but its answers, so it holds for every network and every format.
Class activation maps (Zhou et al. 2016, arXiv 1512.04150) are exact for a head on averaged maps,
and free. Yet deep maps mix all of the image into every position: in some folders, blurring what
they call warm costs no more than blurring anything else in nearly half of the images
(docs/explain.md has the numbers).

References:
    Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image, ImageFilter

from tlearn.data.pixel_store import PixelArray

Classifier = Callable[[PixelArray], np.ndarray]
"""Images uint8 (n, H, W, 3) to probabilities (n, classes), or other outputs."""

Measure = Callable[[np.ndarray], np.ndarray]
"""Outputs (..., n) to one value (...), which is what blurring takes away from."""

WARM_SHARE = 0.1
"""Share of the pixels that is blurred to test a map."""

N_DRAWS = 4
"""Random places that the warm one is compared with."""

_GRID, _WINDOW = 8, 0.2
"""Windows in a row, and the side of one in sides of the image."""

_CELLS = 16
"""In a row, of the grid on which warmth is solved."""

_STRENGTHS = (2.0, 0.5)
"""Of the penalty, in units of the mean diagonal of `A A'`, in the order in which they are tried."""

PASSES = 1 + _GRID**2 + 2 + N_DRAWS
"""Images that the model answers for one map and its test; a few more for a second attempt."""

_BLUR = 1 / 12
"""Standard deviation of the blur, in sides of the image: shapes are gone, their colors stay."""

_EDGE = 1 / 100
"""Of the soft edge around what is blurred: a hard one would be a mark of its own."""

_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Explanation:
    """An answer, where it comes from, and a test of that.

    Attributes:
        probabilities: (classes,), or other outputs.
        answer: Index of the most probable class, which is explained if nothing else is asked for.
        warmth: (side, side) what the answer loses where a pixel is blurred with those around it.
        drop_warm: By how much the answer's probability falls when the warmest tenth is blurred.
        drop_random: The same for a random tenth, mean of four.
        measure: Which of the measures gave the map.
    """

    probabilities: np.ndarray
    answer: int
    warmth: np.ndarray
    drop_warm: float
    drop_random: float
    measure: int = 0

    @property
    def confirmed(self) -> bool:
        """Return whether the warm tenth costs more than a random one."""
        return self.drop_warm > self.drop_random


Measures = Sequence[tuple[Measure, Measure]]
"""Pairs: what a map is solved for, and what is told of the warmest tenth."""


def of_class(label: int) -> Measures:
    """Return what to explain of a class."""
    return [
        (partial(measure, label=label), partial(_output, column=label)) for measure in (lead, odds)
    ]


def of_label(column: int) -> Measures:
    """Return what to explain of an output that is a probability by itself."""
    return [(partial(_own_odds, column=column), partial(_output, column=column))]


def of_number(column: int) -> Measures:
    """Return what to explain of a number: what moves it up, and what moves it down."""
    up, down = (partial(_output, column=column, sign=sign) for sign in (1, -1))
    return [(up, up), (down, down)]


def explain_image(
    answer: Classifier, image: np.ndarray, seed: int = 0, measures: Measures = ()
) -> Explanation:
    """Answer an image, find where the answer comes from, and test that.

    Args:
        answer: The model.
        image: uint8 (side, side, 3).
        seed: Draws the random places.
        measures: What to explain; by default the most probable class.
    """
    before, *after = answer(np.stack([image, *blur(image, _windows(len(image)))]))
    label, blurred = int(before.argmax()), np.stack(after)
    measures = measures or of_class(label)
    losses = [measure(before) - measure(blurred) for measure, _ in measures]
    attempts = []
    for strength in _STRENGTHS:
        maps = [_solve(loss, strength, len(image)) for loss in losses]
        warm = answer(np.stack(blur(image, [warmest(warmth) for warmth in maps])))
        falls = [told(before) - told(row) for (_, told), row in zip(measures, warm, strict=True)]
        best = int(np.argmax(falls))
        told = measures[best][1]
        random = answer(np.stack(blur(image, random_tenths(warmest(maps[best]), seed))))
        drops = float(falls[best]), float((told(before) - told(random)).mean())
        attempts.append(Explanation(before, label, maps[best], *drops, best))
        if attempts[-1].confirmed:
            return attempts[-1]
    return attempts[0]


def lead(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Return by how much the logit of a class is above the mean of the others.

    Args:
        probabilities: (..., classes).
        label: Index of the class.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, float), _LEAST))
    n_classes = logs.shape[-1]
    return np.asarray((n_classes * logs[..., label] - logs.sum(axis=-1)) / (n_classes - 1))


def odds(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Return the log odds of a class.

    Args:
        probabilities: (..., classes).
        label: Index of the class.
    """
    shares = np.maximum(np.asarray(probabilities, float), _LEAST)
    others = np.delete(shares, label, axis=-1).sum(axis=-1)
    return np.asarray(np.log(shares[..., label]) - np.log(others))


def _output(outputs: np.ndarray, column: int, sign: int = 1) -> np.ndarray:
    return np.asarray(sign * outputs[..., column])


def _own_odds(outputs: np.ndarray, column: int) -> np.ndarray:
    share = np.asarray(outputs[..., column], float)
    return odds(np.stack([1 - share, share], axis=-1), 1)


def warmest(warmth: np.ndarray) -> np.ndarray:
    """Return which pixels of a map (side, side) are the warmest: exactly a tenth of them."""
    mask = np.zeros(warmth.size, bool)
    order = np.argsort(-warmth, axis=None, kind="stable")
    mask[order[: round(WARM_SHARE * warmth.size)]] = True
    return mask.reshape(warmth.shape)


def random_tenths(warm: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """Return other places of the same size, as contiguous: the warm one, mirrored and moved.

    Args:
        warm: (side, side), from `warmest`.
        seed: Draws the places.
    """
    rng = np.random.default_rng(seed)
    masks = []
    for _ in range(N_DRAWS):
        flips, shift = rng.choice([1, -1], 2), rng.integers(len(warm), size=2)
        mirrored = warm[:: flips[0], :: flips[1]]
        masks.append(np.roll(mirrored, tuple(shift.tolist()), (0, 1)))
    return masks


def blur(image: np.ndarray, masks: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return copies of an image, each with other pixels blurred.

    Args:
        image: uint8 (side, side, 3).
        masks: Each (side, side), True where to blur.
    """
    original = Image.fromarray(image)
    blurred = original.filter(ImageFilter.GaussianBlur(_BLUR * len(image)))
    soft = ImageFilter.GaussianBlur(_EDGE * len(image))
    edges = (Image.fromarray(mask).convert("L").filter(soft) for mask in masks)
    return [np.asarray(Image.composite(blurred, original, edge)) for edge in edges]


def _starts(side: int) -> np.ndarray:
    return np.linspace(0, side - round(_WINDOW * side), _GRID).round().astype(int)


def _windows(side: int) -> list[np.ndarray]:
    """Return the windows as masks, row by row."""
    width = round(_WINDOW * side)
    masks = []
    for top in _starts(side):
        for left in _starts(side):
            mask = np.zeros((side, side), bool)
            mask[top : top + width, left : left + width] = True
            masks.append(mask)
    return masks


def _solve(losses: np.ndarray, strength: float, side: int) -> np.ndarray:
    """Divide the losses of windows among cells, and return the warmth of every pixel.

    Args:
        losses: (_GRID**2,), row by row.
        strength: Of the penalty.
        side: Of the image.
    """
    width, edges = round(_WINDOW * side), np.linspace(0, side, _CELLS + 1)
    starts = _starts(side)[:, np.newaxis]
    overlap = np.minimum(starts + width, edges[1:]) - np.maximum(starts, edges[:-1])
    along = overlap.clip(0) / width
    shares = np.kron(along, along)
    gram = shares @ shares.T
    gram += strength * gram.diagonal().mean() * np.eye(len(gram))
    cells = (shares.T @ np.linalg.solve(gram, losses)).reshape(_CELLS, _CELLS)
    image = Image.fromarray(cells.astype(np.float32))
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC), float)
