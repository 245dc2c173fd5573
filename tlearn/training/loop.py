"""Run a training phase, and choose the weights to keep."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np

from tlearn.backend.device import on_accelerator
from tlearn.errors import TlearnError
from tlearn.progress import EpochCallback, StepProgress
from tlearn.recipe.plan import Plan
from tlearn.training.batches import Batches
from tlearn.training.interpolation import float_weights, interpolate_weights
from tlearn.training.optimizer import make_optimizer
from tlearn.training.schedule import PlateauState, rate_factor
from tlearn.training.validation import ValidationScore, score_batches


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
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    steps: int = 0
    interpolation: float | None = None
    final_score: ValidationScore | None = None


def fit(
    model: keras.Model,
    plan: Plan,
    train: Batches,
    val: Batches | None,
    rate_factors: Mapping[str, float],
    *,
    on_epoch: EpochCallback | None = None,
    progress: StepProgress | None = None,
) -> History:
    """Train `model` in place and leave it with the weights to keep.

    A model that started from a solved head ends between its weights before and after training, by
    the amount that validation supports (`interpolate_weights`). One that started from random
    weights keeps those of the epoch with the best validation accuracy, or loss where accuracies
    tie; without validation those of the last.

    Args:
        model: The network between the stored inputs and the probabilities.
        plan: Optimizer, schedule, epochs, patience, label smoothing.
        train: Batches to learn from.
        val: Batches to choose the weights by, or None.
        rate_factors: Path of a variable to the factor on `plan.training.learning_rate`.
        on_epoch: Called after every epoch.
        progress: Called with (images seen, images in all) after every batch.

    Raises:
        TlearnError: The loss is no longer a number.
    """
    _compile(model, plan, rate_factors)
    from_scratch = plan.policy == "from_scratch"
    start = [] if from_scratch else [np.array(weight) for weight in float_weights(model)]
    scorer = _EpochScorer(plan, val, on_epoch, keep_best=from_scratch)
    model.fit(
        train,
        epochs=plan.training.epochs,
        callbacks=[_RateSetter(plan, len(train), scorer, progress), scorer],
        verbose=0,
        shuffle=False,
    )
    history = scorer.history
    if not from_scratch:
        history.interpolation, history.final_score = interpolate_weights(model, start, val)
    return history


def _compile(model: keras.Model, plan: Plan, rate_factors: Mapping[str, float]) -> None:
    optimizer = make_optimizer(
        plan.training.optimizer,
        plan.training.learning_rate,
        rate_factors,
        momentum=plan.training.momentum,
        weight_decay=plan.training.weight_decay,
        clip_norm=plan.training.clip_norm,
    )
    model.compile(
        optimizer,
        keras.losses.CategoricalCrossentropy(label_smoothing=plan.training.label_smoothing),
        metrics=["accuracy"],
        # XLA is ten times slower on a CPU and several times faster on an accelerator.
        jit_compile=on_accelerator(),
    )


class _RateSetter(keras.callbacks.Callback):
    """Sets the learning rate before every step, and reports progress after it."""

    def __init__(
        self, plan: Plan, steps_per_epoch: int, scorer: _EpochScorer, progress: StepProgress | None
    ) -> None:
        super().__init__()
        self._plan = plan
        self._warmup_steps = plan.training.warmup_epochs * steps_per_epoch
        self._total_steps = plan.training.epochs * steps_per_epoch
        self._step = 0
        self._scorer = scorer
        self._progress = progress

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        training = self._plan.training
        factor = rate_factor(training.schedule, self._step, self._total_steps, self._warmup_steps)
        factor_on_plateau = self._scorer.plateau.factor
        self.model.optimizer.learning_rate = training.learning_rate * factor * factor_on_plateau
        self._step += 1
        self._scorer.history.steps = self._step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._progress:
            n_train, training = self._plan.split.n_train, self._plan.training
            earlier_epochs = n_train * ((self._step - 1) // training.steps_per_epoch)
            this_epoch = min((batch + 1) * training.batch_size, n_train)
            self._progress(earlier_epochs + this_epoch, n_train * training.epochs)


class _EpochScorer(keras.callbacks.Callback):
    """Scores every epoch, stops when there is no more gain, and can restore the best weights."""

    def __init__(
        self, plan: Plan, val: Batches | None, on_epoch: EpochCallback | None, keep_best: bool
    ) -> None:
        super().__init__()
        self.history = History()
        self.plateau = PlateauState()
        self._plan = plan
        self._val = val
        self._on_epoch = on_epoch
        self._keep_best = keep_best
        self._best = (-1.0, -np.inf)
        self._best_weights: list[np.ndarray] | None = None
        self._started = time.perf_counter()

    def on_train_begin(self, logs: Any = None) -> None:
        if self._val is not None:
            self._score(0, {})

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs = logs or {}
        self._ensure_number(epoch + 1, "loss", logs["loss"])
        self._score(epoch + 1, {"loss": logs["loss"], "accuracy": logs["accuracy"]})
        self._ensure_number(
            epoch + 1, "validation loss", self.history.epochs[-1].get("val_loss", 0)
        )
        if self._val is None:
            self.history.best_epoch = epoch + 1
        elif epoch + 1 - self.history.best_epoch >= self._plan.training.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)

    def _ensure_number(self, epoch: int, name: str, loss: float) -> None:
        if not np.isfinite(loss):
            raise TlearnError(
                f"training stopped in epoch {epoch}: the {name} is {loss}",
                f"try a smaller rate: --learning-rate {self._plan.training.learning_rate / 10:g}",
            )

    def _score(self, epoch: int, logs: dict[str, float]) -> None:
        record: dict[str, Any] = {"epoch": epoch, "epochs": self._plan.training.epochs, **logs}
        if self._val is not None:
            score = score_batches(self.model, self._val)
            record |= {"val_loss": score.loss, "val_accuracy": score.accuracy}
            if self._plan.training.schedule == "plateau":
                self.plateau.update(score.loss)
            # Random weights are no model to keep, however lucky their guesses.
            if epoch or not self._keep_best:
                self._remember_if_best(epoch, score)
        record["seconds"] = round(time.perf_counter() - self._started, 3)
        self.history.epochs.append(record)
        if self._on_epoch:
            self._on_epoch(record)

    def _remember_if_best(self, epoch: int, score: ValidationScore) -> None:
        if (score.accuracy, -score.loss) > self._best:
            self._best = (score.accuracy, -score.loss)
            self.history.best_epoch = epoch
            if self._keep_best:
                self._best_weights = self.model.get_weights()


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
