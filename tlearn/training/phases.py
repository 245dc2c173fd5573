"""Run a training phase: from the solved head on, keep the best, stop where it no longer helps."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tlearn.errors import TlearnError
from tlearn.recipe.plan import Plan
from tlearn.training.batches import Batches
from tlearn.training.optimizer import make_optimizer
from tlearn.training.schedule import PlateauState, rate_factor

Report = Callable[[Mapping[str, Any]], None]
"""Told after every epoch: epoch, epochs, loss, accuracy, val_accuracy, val_loss, seconds."""


@dataclass
class History:
    """What a phase did.

    Attributes:
        epochs: One record an epoch; epoch 0 is the model as it came.
        best_epoch: The epoch whose weights were kept.
        steps: Batches trained on.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    steps: int = 0


def run_phase(
    model: keras.Model,
    plan: Plan,
    train: Batches,
    val: Batches | None,
    rate_factors: Mapping[str, float],
    report: Report | None = None,
) -> History:
    """Train `model` in place and leave it with its best weights.

    The score is validation accuracy, and validation loss where accuracies tie; the model as it
    came is epoch 0, so that tuning which does not help changes nothing. Without a validation part
    the last weights are kept.

    Args:
        model: The network between the stored inputs and the probabilities.
        plan: Optimizer, schedule, epochs, patience, label smoothing.
        train: Batches to learn from.
        val: Batches to choose by, or None.
        rate_factors: Variable path to its share of `plan.learning_rate`.
        report: Told after every epoch.

    Raises:
        TlearnError: The loss is no longer a number.
    """
    optimizer = make_optimizer(
        plan.optimizer,
        plan.learning_rate,
        rate_factors,
        momentum=plan.momentum,
        weight_decay=plan.weight_decay,
        clip_norm=plan.clip_norm,
    )
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(label_smoothing=plan.label_smoothing),
        metrics=["accuracy"],
        # XLA is ten times slower on a CPU and several times faster on an accelerator.
        jit_compile=on_accelerator(),
    )
    keeper = _KeepBest(plan, val, report)
    model.fit(
        train,
        epochs=plan.epochs,
        callbacks=[_SetRate(plan, len(train), keeper), keeper],
        verbose=0,
        shuffle=False,
    )
    return keeper.history


def on_accelerator() -> bool:
    """Whether Keras will run on a GPU or a TPU."""
    return bool(keras.distribution.list_devices("gpu") or keras.distribution.list_devices("tpu"))


class _SetRate(keras.callbacks.Callback):
    """The schedule: sets the rate before every step."""

    def __init__(self, plan: Plan, steps_per_epoch: int, keeper: _KeepBest) -> None:
        super().__init__()
        self._plan = plan
        self._warmup = plan.warmup_epochs * steps_per_epoch
        self._total = plan.epochs * steps_per_epoch
        self._step = 0
        self._keeper = keeper

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        plateau = self._keeper.plateau.factor
        factor = rate_factor(self._plan.schedule, self._step, self._total, self._warmup)
        self.model.optimizer.learning_rate = self._plan.learning_rate * factor * plateau
        self._step += 1
        self._keeper.history.steps = self._step


class _KeepBest(keras.callbacks.Callback):
    """Scores every epoch, keeps the best weights, ends a phase that no longer improves."""

    def __init__(self, plan: Plan, val: Batches | None, report: Report | None) -> None:
        super().__init__()
        self.history = History()
        self.plateau = PlateauState()
        self._plan = plan
        self._val = val
        self._report = report
        self._best = (-1.0, -np.inf)
        self._weights: list[np.ndarray] | None = None
        self._started = time.perf_counter()

    def on_train_begin(self, logs: Any = None) -> None:
        if self._val is not None:
            self._score(0, {})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        if not np.isfinite(logs["loss"]):
            raise TlearnError(
                f"training stopped in epoch {epoch + 1}: the loss is {logs['loss']}",
                f"try a smaller rate: --learning-rate {self._plan.learning_rate / 10:g}",
            )
        self._score(epoch + 1, {"loss": logs["loss"], "accuracy": logs["accuracy"]})
        if self._val is None:
            self.history.best_epoch = epoch + 1
        elif epoch + 1 - self.history.best_epoch >= self._plan.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)

    def _score(self, epoch: int, logs: dict[str, float]) -> None:
        record: dict[str, Any] = {"epoch": epoch, "epochs": self._plan.epochs, **logs}
        if self._val is not None:
            loss, accuracy = held_out(self.model, self._val)
            record |= {"val_loss": loss, "val_accuracy": accuracy}
            if self._plan.schedule == "plateau":
                self.plateau.update(loss)
            if (accuracy, -loss) > self._best:
                self._best = (accuracy, -loss)
                self.history.best_epoch = epoch
                self._weights = self.model.get_weights()
        record["seconds"] = round(time.perf_counter() - self._started, 3)
        self.history.epochs.append(record)
        if self._report:
            self._report(record)


def held_out(model: keras.Model, batches: Batches) -> tuple[float, float]:
    """Mean log loss and accuracy over batches, without touching the model's metrics."""
    loss = right = count = 0.0
    for index in range(len(batches)):
        inputs, targets = batches[index][:2]
        probabilities = np.asarray(model.predict_on_batch(inputs))
        chosen = (probabilities * targets).sum(axis=1)
        loss -= float(np.log(np.maximum(chosen, 1e-7)).sum())
        right += float((probabilities.argmax(1) == targets.argmax(1)).sum())
        count += len(targets)
    return loss / count, right / count


def factors_by_stage(
    groups: Sequence[Sequence[keras.layers.Layer]], rates: Sequence[float], base: float
) -> dict[str, float]:
    """Variable path to the share of the base rate its stage has.

    Args:
        groups: Layers of each stage, input to output, the head last.
        rates: Learning rate of each stage.
        base: The rate that share one stands for.
    """
    return {
        variable.path: rate / base
        for layers, rate in zip(groups, rates, strict=True)
        for layer in layers
        for variable in layer.trainable_variables
    }
