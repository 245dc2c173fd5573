"""What training gives, before it is saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.commands.calibrate import UNCALIBRATED, Calibration
from tlearn.data.pixel_store import PixelArray
from tlearn.features.head import LinearHead
from tlearn.recipe.plan import Plan

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class FittedModel:
    """A trained model, or a solved head, and what it answers on held-out images.

    Attributes:
        plan: The plan, with the L2 penalty that was chosen.
        head: The solved head, from which tuning began; None from scratch.
        probabilities: Held-out split to what the model says of it: (n, classes).
        model: The trained network; None for a solved head on an untouched backbone.
        answer: Gives its probabilities of images; None where there is none.
        history: Epoch records.
        interpolation: Position between the solved head (0) and the end of tuning (1), or None.
        warnings: What went wrong in training, and what to do about it.
        calibration: Its temperature, which is in `head` or `model` and in `probabilities` already,
            and what tells its own kinds of images from others.
    """

    plan: Plan
    head: LinearHead | None
    probabilities: Mapping[str, np.ndarray]
    model: keras.Model | None = None
    answer: Callable[[PixelArray], np.ndarray] | None = None
    history: Sequence[Mapping[str, Any]] = ()
    interpolation: float | None = None
    warnings: tuple[str, ...] = ()
    calibration: Calibration = UNCALIBRATED
