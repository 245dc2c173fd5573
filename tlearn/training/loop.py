"""Run a training phase, and choose the weights to keep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import keras
import numpy as np

from tlearn.backend.device import on_accelerator
from tlearn.backend.tracing import trace_once
from tlearn.progress import EpochCallback, StepProgress
from tlearn.recipe.plan import Plan
from tlearn.training.batches import Batches
from tlearn.training.checkpoint import Checkpoint, TrainingState
from tlearn.training.interpolation import float_weights, interpolate_weights
from tlearn.training.objective import losses
from tlearn.training.optimizer import make_optimizer
from tlearn.training.phase import Phase
from tlearn.training.validation import ValidationScore


@dataclass
class History:
    """What happened in a training phase.

    Attributes:
        epochs: The record of each epoch, see `EpochCallback`.
        best_epoch: The epoch with the best validation score; the last one without validation. From
            random weights, epoch 0 is none of them.
        steps: Batches trained on.
        interpolation: Where the kept weights lie between those before training (0) and those after
            (1); None where they are those of the best epoch.
        final_score: Validation score of interpolated weights; None without validation.
        parts: Parts in which a batch was computed, for want of memory.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    steps: int = 0
    interpolation: float | None = None
    final_score: ValidationScore | None = None
    parts: int = 1


def fit(
    model: keras.Model,
    plan: Plan,
    train: Batches,
    val: Batches | None,
    rate_factors: Mapping[str, float],
    *,
    checkpoint: Checkpoint | None = None,
    deadline: float | None = None,
    on_epoch: EpochCallback | None = None,
    progress: StepProgress | None = None,
) -> History:
    """Train `model` in place and leave it with the weights to keep.

    A model that started from a solved head ends between its weights before and after training, by
    the amount that validation supports (`interpolate_weights`). One that started from random
    weights keeps those of the epoch with the best validation accuracy, or loss where accuracies
    tie; without validation those of the last. A phase that goes on from its checkpoint ends with
    the weights of one that was never stopped.

    Args:
        model: The network between the stored inputs and the probabilities.
        plan: Optimizer, schedule, epochs, patience, label smoothing.
        train: Batches to learn from.
        val: Batches to choose the weights by, or None.
        rate_factors: Path of a variable to the factor on `plan.training.learning_rate`.
        checkpoint: Where the state is kept after every epoch, and where to go on from.
        deadline: See `Phase`.
        on_epoch: Called after every epoch.
        progress: Called with (images seen, images in all) after every batch.

    Raises:
        TlearnError: The loss is no longer a number.
        HostError: The checkpoint cannot be written, or there is not enough memory.
    """
    compile_in_parts = partial(_compile, model, plan, rate_factors)
    from_scratch = plan.policy == "from_scratch"
    start = [] if from_scratch else [np.array(weight) for weight in float_weights(model)]
    saved = checkpoint.read() if checkpoint else None
    compile_in_parts(saved.state.parts if saved else 1)
    state = saved.state if saved and saved.restore(model) else TrainingState(start=start)
    Phase(
        model,
        plan,
        train,
        val,
        state,
        compile_in_parts,
        checkpoint=checkpoint,
        deadline=deadline,
        on_epoch=on_epoch,
        progress=progress,
    ).run()
    history = History(state.epochs, state.best_epoch, state.epoch * len(train), parts=state.parts)
    if not from_scratch:
        ends = state.start, val, state.errors_at_ends
        history.interpolation, history.final_score = interpolate_weights(model, *ends, plan.task)
    elif state.best_weights:
        model.set_weights(state.best_weights)
    return history


def _compile(model: keras.Model, plan: Plan, rate_factors: Mapping[str, float], parts: int) -> None:
    optimizer = make_optimizer(
        plan.training.optimizer,
        plan.training.learning_rate,
        rate_factors,
        momentum=plan.training.momentum,
        weight_decay=plan.training.weight_decay,
        clip_norm=plan.training.clip_norm,
        accumulated=parts,
    )
    compile_to_train(model, optimizer, plan.task, plan.training.label_smoothing)


def compile_to_train(
    model: keras.Model,
    optimizer: keras.optimizers.Optimizer,
    task: str,
    label_smoothing: float = 0.0,
) -> None:
    """Compile a model for the device that Keras runs on, with the loss of a task.

    Args:
        model: What will be trained.
        optimizer: What takes the steps; it is built.
        task: One of `targets.Task`.
        label_smoothing: See `losses`.
    """
    model.compile(
        optimizer,
        **losses(task, label_smoothing),
        # XLA is ten times slower than TensorFlow on a CPU, and several times faster elsewhere.
        jit_compile=on_accelerator() or keras.backend.backend() == "jax",
    )
    trace_once(model)
    optimizer.build(model.trainable_variables)


def factors_by_variable(
    layers: Sequence[Sequence[keras.layers.Layer]], rates: Sequence[float], base: float
) -> dict[str, float]:
    """Return the factor on the base learning rate for every trainable variable.

    Args:
        layers: Layers of each stage, input to output, the head last.
        rates: Learning rate of each stage.
        base: The learning rate that factor one stands for.

    Returns:
        Path of a variable to its factor.
    """
    return {
        variable.path: rate / base
        for stage, rate in zip(layers, rates, strict=True)
        for layer in stage
        for variable in layer.trainable_variables
    }
