"""Where a model looks: what an answer loses when a part of the image is blurred.

A window is moved over the image. At each place it is blurred, and the model answers again. What the
answer loses by that, in the units in which a classifier decides, is the warmth of the place:

    lead(p, c)  =  log p_c  -  mean over j != c of  log p_j
    warmth      =  lead(answer to the image)  -  lead(answer to the image with the place blurred)

It needs nothing of the model but its answers, so it holds for every network and every format. Class
activation maps (Zhou et al. 2016, arXiv 1512.04150) are exact for a head on averaged maps, and free.
Yet deep maps mix all of the image into every position: in some folders, blurring what they call warm
cost no more than blurring anything else in a half of the images (docs/explain.md has the numbers).

References:
    Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks (arXiv 1311.2901).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageFilter

from tlearn.data.pixel_store import PixelArray

Answer = Callable[[PixelArray], np.ndarray]
"""Images uint8 (n, H, W, 3) to probabilities (n, classes)."""

WARM_SHARE = 0.1
"""Share of the pixels that is blurred to test a map."""

N_DRAWS = 4
"""Random places that the warm one is compared with."""

GRID, WINDOW = 8, 0.2
"""Windows in a row, and the side of one in sides of the image."""

PASSES = 1 + GRID**2 + 1 + N_DRAWS
"""Images that the model answers for one map and its test."""

_BLUR = 1 / 12
"""Standard deviation of the blur, in sides of the image: shapes are gone, their colors stay."""

_EDGE = 1 / 100
"""Of the soft edge around what is blurred: a hard one would be a mark of its own."""

_LEAST = 1e-30


@dataclass(frozen=True, eq=False)
class Explanation:
    """An answer, where it comes from, and a test of that.

    Attributes:
        probabilities: (classes,).
        answer: Index of the most probable class, which is explained.
        warmth: (H, W) what the answer's lead loses where a pixel is blurred with those around it.
        drop_warm: By how much the answer's probability falls when the warmest tenth is blurred.
        drop_random: The same for a random tenth, mean of four. It is the warmest tenth, mirrored
            and moved: of the same size and as contiguous.
    """

    probabilities: np.ndarray
    answer: int
    warmth: np.ndarray
    drop_warm: float
    drop_random: float


def explain_image(answer: Answer, image: np.ndarray, seed: int = 0) -> Explanation:
    """Answer an image, find where the answer comes from, and test that.

    Args:
        answer: The model.
        image: uint8 (side, side, 3).
        seed: Draws the random places.
    """
    windows = _windows(len(image))
    before, *after = answer(np.stack([image, *blur(image, windows)]))
    label = int(before.argmax())
    losses = lead(before, label) - lead(np.stack(after), label)
    warmth = _spread(losses, len(image))
    falls = before[label] - answer(np.stack(tests(image, warmth, seed)))[:, label]
    return Explanation(before, label, warmth, float(falls[0]), float(falls[1:].mean()))


def tests(image: np.ndarray, warmth: np.ndarray, seed: int = 0) -> list[np.ndarray]:
    """Return an image with its warmest tenth blurred, and four with a random tenth.

    Args:
        image: uint8 (side, side, 3).
        warmth: (side, side), of any map.
        seed: Draws the random places.
    """
    warm, rng = warmest(warmth), np.random.default_rng(seed)
    return blur(image, [warm, *(_moved(warm, rng) for _ in range(N_DRAWS))])


def lead(probabilities: np.ndarray, label: int) -> np.ndarray:
    """Return by how much the logit of a class is above the mean of the others.

    Args:
        probabilities: (..., classes).
        label: Index of the class.
    """
    logs = np.log(np.maximum(np.asarray(probabilities, float), _LEAST))
    n_classes = logs.shape[-1]
    return np.asarray((n_classes * logs[..., label] - logs.sum(axis=-1)) / (n_classes - 1))


def warmest(warmth: np.ndarray, share: float = WARM_SHARE) -> np.ndarray:
    """Return which pixels are the warmest: exactly this share of them.

    Args:
        warmth: (H, W).
        share: Of the pixels.
    """
    mask = np.zeros(warmth.size, bool)
    mask[np.argsort(-warmth, axis=None, kind="stable")[: round(share * warmth.size)]] = True
    return mask.reshape(warmth.shape)


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
    return np.linspace(0, side - round(WINDOW * side), GRID).round().astype(int)


def _windows(side: int) -> list[np.ndarray]:
    """Return the windows as masks, row by row."""
    width = round(WINDOW * side)
    masks = []
    for top in _starts(side):
        for left in _starts(side):
            mask = np.zeros((side, side), bool)
            mask[top : top + width, left : left + width] = True
            masks.append(mask)
    return masks


def _spread(losses: np.ndarray, side: int) -> np.ndarray:
    """Return each pixel's mean of the losses of the windows around it, nearer ones counting more.

    Args:
        losses: (GRID**2,) of the windows, row by row.
        side: Of the image.
    """
    width = WINDOW * side
    centers = _starts(side) + width / 2
    distances = np.arange(side)[:, np.newaxis] + 0.5 - centers
    weights = np.exp(-0.5 * (distances / (0.35 * width)) ** 2)
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights @ losses.reshape(GRID, GRID) @ weights.T)


def _moved(mask: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a mask mirrored or not, in each direction, and rolled around."""
    flips = rng.choice([1, -1], 2)
    shift = rng.integers(len(mask), size=2)
    return np.roll(mask[:: flips[0], :: flips[1]], tuple(shift.tolist()), (0, 1))
