"""Learning-rate schedules: a factor between 0 and 1 for every step."""

from __future__ import annotations

import math
from dataclasses import dataclass


def rate_factor(schedule: str, step: float, total_steps: float, warmup_steps: float = 0.0) -> float:
    """Return the factor on the peak learning rate at `step`, counted from 0.

        warm-up:  (step + 1) / (warmup_steps + 1)                                step < warmup_steps
        cosine:   (1 + cos(pi * (step - warmup_steps) / (total_steps - warmup_steps))) / 2
        constant, plateau:  1

    The first step has a rate above 0, and so has the last step of the cosine; from `total_steps`
    on it stays at 0. `PlateauState` gives the further factor of the plateau schedule.

    Args:
        schedule: "cosine", "constant" or "plateau".
        step: Steps taken so far; another unit of time may be used for all three.
        total_steps: Steps of the whole training.
        warmup_steps: Steps in which the rate rises; may be a fraction.

    Returns:
        A factor from 0 to 1.

    Raises:
        ValueError: There is no such schedule.

    References:
        Loshchilov and Hutter 2017, SGDR (arXiv 1608.03983), without restarts.
    """
    if schedule not in ("cosine", "constant", "plateau"):
        raise ValueError(f"expected cosine, constant or plateau. Received: {schedule!r}")
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    if schedule != "cosine":
        return 1.0
    done = (step - warmup_steps) / max(total_steps - warmup_steps, 1)
    return (1 + math.cos(math.pi * min(done, 1.0))) / 2


@dataclass
class PlateauState:
    """State of the plateau schedule: the rate drops when the validation loss stops improving.

    Attributes:
        patience: Epochs without improvement before a drop.
        drop: Multiplier of the factor at a drop.
        margin: Relative decrease of the loss that counts as an improvement.
        smallest: Lower limit of the factor.
        factor: Current factor on the peak learning rate.
        best: Lowest loss so far.
        waited: Epochs since then, or since the last drop.
    """

    patience: int = 3
    drop: float = 0.3
    margin: float = 1e-3
    smallest: float = 1e-3
    factor: float = 1.0
    best: float = math.inf
    waited: int = 0

    def update(self, loss: float) -> float:
        """Update with the loss of an epoch and return the factor; NaN is no improvement."""
        if loss < self.best * (1 - self.margin):
            self.best, self.waited = loss, 0
            return self.factor
        self.waited += 1
        if self.waited >= self.patience:
            self.factor, self.waited = max(self.factor * self.drop, self.smallest), 0
        return self.factor
