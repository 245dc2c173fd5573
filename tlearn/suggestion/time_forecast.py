"""How long a plan will take on this machine, from a short measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

STEP_COST = 6.0
"""A training step through Keras costs this many LiteRT passes of the same layers: forward and
backward, without LiteRT's fused kernels. MobileNetV2 at 224 on two cores: 283 pictures a second
through LiteRT, 47 through a step."""

FIXED_SECONDS = 15.0
"""Importing TensorFlow, loading, tracing, saving, reading back and the report."""

HEAD_SECONDS = 3.0
"""Imports, the solver and the report of a head that needs no TensorFlow."""


class StageSize(Protocol):
    """What a stage says of its cost."""

    @property
    def parameters(self) -> int: ...
    @property
    def size(self) -> int: ...


def forecast_seconds(
    stages: Sequence[StageSize],
    first_trained_stage: int | None,
    n_train: int,
    n_all: int,
    views: int,
    epochs: int,
    pass_seconds: float,
    n_stages: int | None = None,
) -> float:
    """Seconds a plan will take, imports counted.

        embeddings   n_all * pass
        frozen part  n_train * (views or epochs) * pass * before
        training     n_train * epochs * pass * share * STEP_COST

    `share` is the trained stages' part of the multiplications, `before` that of the stages before
    them, a stage's being near to its parameters times the positions it applies them at. A head
    that is solved and not trained wants the embeddings of each view beyond the first instead.

    Args:
        stages: Input to output.
        first_trained_stage: Index of the first stage that is tuned, None for the head alone.
        n_train: Training pictures.
        n_all: Pictures of all parts.
        views: Stored views of a picture; 0 where each epoch draws its own.
        epochs: Epochs planned.
        pass_seconds: From `features.engine.seconds_per_image`, for the whole network.
        n_stages: Stages that are left where the last ones are cut off.
    """
    costs = [stage.parameters * stage.size**2 for stage in stages]
    end = len(stages) if n_stages is None else n_stages
    first = end if first_trained_stage is None else first_trained_stage
    share = sum(costs[first:end]) / sum(costs)
    before = sum(costs[:first]) / sum(costs)
    frozen = n_train * ((views or epochs) * before if epochs else views - 1)
    passes = n_all + frozen + n_train * epochs * share * STEP_COST
    return (FIXED_SECONDS if epochs else HEAD_SECONDS) + passes * pass_seconds
