"""How the learning rate moves in time: a factor between 0 and 1 for every step."""

from __future__ import annotations

import math
from dataclasses import dataclass


def rate_factor(schedule: str, step: float, total_steps: float, warmup_steps: float = 0.0) -> float:
    """Factor on the peak rate at `step`, counted from 0.

        warm-up:  (step + 1) / (warmup_steps + 1)                                step < warmup_steps
        cosine:   (1 + cos(pi * (step - warmup_steps) / (total_steps - warmup_steps))) / 2
        constant, plateau:  1

    The first step moves a little and the last cosine step is not wasted on a rate of 0; from
    `total_steps` on the cosine stays at 0. `PlateauState` adds what a plateau takes away.

    Args:
        schedule: "cosine", "constant" or "plateau".
        step: Steps done so far; any unit of time will do where all three have it.
        total_steps: Steps of the whole training.
        warmup_steps: Steps over which the rate rises; may be a fraction.

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
    """Lowers the rate each time the validation loss has stood still.

    Attributes:
        patience: Epochs without a better loss before a drop.
        drop: What a drop multiplies the factor by.
        margin: Share of the best loss by which a better one has to be lower.
        smallest: The factor never falls below it.
        factor: On the peak rate, now.
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
        """Take in the loss of an epoch; NaN counts as no better. Returns the new factor."""
        if loss < self.best * (1 - self.margin):
            self.best, self.waited = loss, 0
            return self.factor
        self.waited += 1
        if self.waited >= self.patience:
            self.factor, self.waited = max(self.factor * self.drop, self.smallest), 0
        return self.factor
