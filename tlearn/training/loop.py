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
from tlearn.training.checkpoint import Checkpoint, TrainingState
from tlearn.training.interpolation import float_weights, interpolate_weights
from tlearn.training.optimizer import make_optimizer
from tlearn.training.schedule import rate_factor
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
    checkpoint: Checkpoint | None = None,
    on_epoch: EpochCallback | None = None,
    progress: StepProgress | None = None,
) -> History:
    """Train `model` in place and leave it with the weights to keep.

    A model that started from a solved head ends between its weights before and after training, by
    the amount that validation supports (`interpolate_weights`). One that started from random
    weights keeps those of the epoch with the best validation accuracy, or loss where accuracies
    tie; without validation those of the last.

    The batches are drawn by seed, epoch and step, so a phase that goes on from its checkpoint ends
    with the weights of one that was never stopped.

    Args:
        model: The network between the stored inputs and the probabilities.
        plan: Optimizer, schedule, epochs, patience, label smoothing.
        train: Batches to learn from.
        val: Batches to choose the weights by, or None.
        rate_factors: Path of a variable to the factor on `plan.training.learning_rate`.
        checkpoint: Where the state is kept after every epoch, and where to go on from.
        on_epoch: Called after every epoch.
        progress: Called with (images seen, images in all) after every batch.

    Raises:
        TlearnError: The loss is no longer a number.
        HostError: The checkpoint cannot be written.
    """
    _compile(model, plan, rate_factors)
    from_scratch = plan.policy == "from_scratch"
    state = checkpoint.restore(model) if checkpoint else None
    if state is None:
        start = [] if from_scratch else [np.array(weight) for weight in float_weights(model)]
        state = TrainingState(start=start)
    phase = _Phase(model, plan, train, val, state, checkpoint, on_epoch, progress)
    phase.run()
    history = History(state.epochs, state.best_epoch, state.epoch * len(train))
    if from_scratch:
        if state.best_weights:
            model.set_weights(state.best_weights)
    else:
        history.interpolation, history.final_score = interpolate_weights(model, state.start, val)
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
    optimizer.build(model.trainable_variables)


@dataclass
class _Phase:
    """A training phase: epochs, each scored, until there is no more gain.

    Attributes are those of `fit`; `state` is where it stands.
    """

    model: keras.Model
    plan: Plan
    train: Batches
    val: Batches | None
    state: TrainingState
    checkpoint: Checkpoint | None
    on_epoch: EpochCallback | None
    progress: StepProgress | None

    def run(self) -> None:
        """Train until the last epoch, or until validation no longer improves."""
        started = time.perf_counter() - self.state.seconds
        if self.val is not None and not self.state.epochs:
            self._end_epoch(0, {}, started)
        while self.state.epoch < self.plan.training.epochs and not self._is_exhausted():
            self._train_epoch(started)
            state = self.state
            loss, accuracy = (total / state.n_images for total in state.sums)
            _ensure_number(self.plan, state.epoch + 1, "loss", loss)
            state.epoch, state.step, state.sums, state.n_images = state.epoch + 1, 0, (0.0, 0.0), 0
            self._end_epoch(state.epoch, {"loss": loss, "accuracy": accuracy}, started)

    def _is_exhausted(self) -> bool:
        waited = self.state.epoch - self.state.best_epoch
        return self.val is not None and waited >= self.plan.training.patience

    def _train_epoch(self, started: float) -> None:
        state = self.state
        self.train.begin_epoch(state.epoch)
        for batch in self.train.from_step(state.step):
            self._set_rate()
            logs = self.model.train_on_batch(*batch, return_dict=True)
            n = len(batch[0])
            loss, accuracy = (float(logs[name]) for name in ("loss", "accuracy"))
            state.sums = (state.sums[0] + n * loss, state.sums[1] + n * accuracy)
            state.n_images += n
            state.step += 1
            if self.progress:
                n_train = self.plan.split.n_train
                done = n_train * state.epoch + state.n_images
                self.progress(done, n_train * self.plan.training.epochs)
            if self.checkpoint and self.checkpoint.is_due:
                state.seconds = time.perf_counter() - started
                self.checkpoint.save(self.model, state)

    def _set_rate(self) -> None:
        training, state, per_epoch = self.plan.training, self.state, len(self.train)
        factor = rate_factor(
            training.schedule,
            state.epoch * per_epoch + state.step,
            training.epochs * per_epoch,
            training.warmup_epochs * per_epoch,
        )
        self.model.optimizer.learning_rate = training.learning_rate * factor * state.plateau.factor

    def _end_epoch(self, epoch: int, logs: dict[str, float], started: float) -> None:
        """Score the model, keep the record of the epoch and a checkpoint."""
        state = self.state
        record: dict[str, Any] = {"epoch": epoch, "epochs": self.plan.training.epochs, **logs}
        if self.val is None:
            state.best_epoch = epoch
        else:
            score = score_batches(self.model, self.val)
            record |= {"val_loss": score.loss, "val_accuracy": score.accuracy}
            if self.plan.training.schedule == "plateau":
                state.plateau.update(score.loss)
            self._remember_if_best(epoch, score)
        state.seconds = time.perf_counter() - started
        record["seconds"] = round(state.seconds, 3)
        state.epochs.append(record)
        if epoch:
            _ensure_number(self.plan, epoch, "validation loss", record.get("val_loss", 0))
        if self.on_epoch:
            self.on_epoch(record)
        if self.checkpoint and epoch:
            self.checkpoint.save(self.model, state)

    def _remember_if_best(self, epoch: int, score: ValidationScore) -> None:
        from_scratch, state = self.plan.policy == "from_scratch", self.state
        if from_scratch and not epoch:  # random weights are no model, however lucky their guesses
            return
        if (score.accuracy, -score.loss) > state.best:
            state.best, state.best_epoch = (score.accuracy, -score.loss), epoch
            if from_scratch:
                state.best_weights = self.model.get_weights()


def _ensure_number(plan: Plan, epoch: int, name: str, loss: float) -> None:
    if not np.isfinite(loss):
        raise TlearnError(
            f"training stopped in epoch {epoch}: the {name} is {loss}",
            f"try a smaller rate: --learning-rate {plan.training.learning_rate / 10:g}",
        )


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
