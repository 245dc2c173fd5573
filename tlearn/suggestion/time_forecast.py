"""How long a plan will take on this machine, from a short measurement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tlearn.features.extractor import StageInfo

STEP_COST = 6.0
"""Cost of a training step through Keras in LiteRT passes of the same layers: forward and backward,
without LiteRT's fused kernels. MobileNetV2 at 224 pixels on two cores: 283 images per second
through LiteRT, 47 through a training step."""

FIXED_SECONDS = 15.0
"""Importing TensorFlow, loading, tracing, saving, reading back and the report."""

HEAD_SECONDS = 3.0
"""Imports, the solver and the report of a linear head that needs no TensorFlow."""


@dataclass(frozen=True)
class Workload:
    """How many images pass through which stages.

    Attributes:
        n_train: Training images.
        n_all: Images of all splits.
        views: Stored views of a training image; 0 where every epoch makes its own.
        epochs: Epochs; 0 for a head that is solved.
        first_trained_stage: Index of the first stage that is tuned; None for the head alone.
        n_stages: Stages left where the last ones are cut off; None for all.
    """

    n_train: int
    n_all: int
    views: int
    epochs: int
    first_trained_stage: int | None
    n_stages: int | None = None


def forecast_seconds(stages: Sequence[StageInfo], workload: Workload, pass_seconds: float) -> float:
    """Return the seconds that a plan will take, imports included.

        embeddings   n_all * pass
        frozen part  n_train * (views or epochs) * pass * frozen_share
        training     n_train * epochs * pass * trained_share * STEP_COST

    The shares are those of the multiplications in the stages before the first tuned one, and in the
    tuned ones; a stage's multiplications are about its parameters times the positions it applies
    them at. A head that is solved, not trained, needs the embeddings of its extra views instead.

    Args:
        stages: Stages of the backbone, input to output.
        workload: What passes through them.
        pass_seconds: Seconds for an image through the whole frozen network, from
            `features.engine.seconds_per_image`.
    """
    costs = [stage.parameters * stage.size**2 for stage in stages]
    n_train, views, epochs = workload.n_train, workload.views, workload.epochs
    end = len(stages) if workload.n_stages is None else workload.n_stages
    first = end if workload.first_trained_stage is None else workload.first_trained_stage
    trained_share = sum(costs[first:end]) / sum(costs)
    frozen_share = sum(costs[:first]) / sum(costs)
    frozen = n_train * ((views or epochs) * frozen_share if epochs else views - 1)
    passes = workload.n_all + frozen + n_train * epochs * trained_share * STEP_COST
    return (FIXED_SECONDS if epochs else HEAD_SECONDS) + passes * pass_seconds
