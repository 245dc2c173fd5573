"""Run a training phase and choose the weights to keep."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import keras
import numpy as np

from tlearn.backend.device import on_accelerator
from tlearn.errors import TlearnError
from tlearn.progress import StepProgress
from tlearn.recipe.plan import Plan
from tlearn.training.batches import Batches
from tlearn.training.optimizer import make_optimizer
from tlearn.training.schedule import PlateauState, rate_factor

INTERPOLATION_GRID = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
DEFAULT_INTERPOLATION = 0.5

Report = Callable[[Mapping[str, Any]], None]
"""Told after every epoch: epoch, epochs, loss, accuracy, val_accuracy, val_loss, seconds."""


class ValidationScore(NamedTuple):
    """Means over n held-out pictures: log loss, share answered right, squared error."""

    loss: float
    accuracy: float
    squared_error: float
    n: int


@dataclass
class History:
    """What a phase did.

    Attributes:
        epochs: One record an epoch; epoch 0 is the model as it came.
        best_epoch: The epoch with the best validation score; the last without validation.
        steps: Batches trained on.
        interpolation: How far the kept weights lie on the way from those the model came with (0) to
            those training ended with (1); None where the best epoch's were kept.
        kept: What validation said of the kept weights, where `alpha` was chosen by it.
    """

    epochs: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = 0
    steps: int = 0
    interpolation: float | None = None
    kept: ValidationScore | None = None


def fit_tail(
    model: keras.Model,
    plan: Plan,
    train: Batches,
    val: Batches | None,
    rate_factors: Mapping[str, float],
    report: Report | None = None,
    progress: StepProgress | None = None,
) -> History:
    """Train `model` in place and leave it with the weights to keep.

    A model that came with a solved head ends on the line between what it was and what training
    made of it, as far as the validation split speaks for (`interpolate_weights`). One from random weights
    keeps its best epoch by validation accuracy, by loss where accuracies tie, or its last.

    Args:
        model: The network between the stored inputs and the probabilities.
        plan: Optimizer, schedule, epochs, patience, label smoothing.
        train: Batches to learn from.
        val: Batches to choose by, or None.
        rate_factors: Variable path to its share of `plan.training.learning_rate`.
        report: Told after every epoch.
        progress: Told after every batch.

    Raises:
        TlearnError: The loss is no longer a number.
    """
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
    scratch = plan.policy == "from_scratch"
    start = [] if scratch else [np.array(weight) for weight in _float_weights(model)]
    keeper = _EpochScorer(plan, val, report, keep_best=scratch)
    model.fit(
        train,
        epochs=plan.training.epochs,
        callbacks=[_SetRate(plan, len(train), keeper, progress), keeper],
        verbose=0,
        shuffle=False,
    )
    if not scratch:
        interpolate_weights(model, start, val, keeper.history)
    return keeper.history


def interpolate_weights(
    model: keras.Model, start: Sequence[np.ndarray], val: Batches | None, history: History
) -> None:
    """Leave the model between the weights it came with and those it has.

        weights = start + share * (end - start)

    Half way without a validation split. With one, the mean of SHARES, each weighed by its errors
    there (`average_interpolation`): a few pictures hardly move it from half way, hundreds take it to where
    they are answered best. Between 0 and 1 it is rarely wrong by much, and the best share on five
    pictures often is: in 40 trials with 10 pictures a class (ten folders, two backbones, two
    policies) the mean was better by .5 points of test accuracy.

    Args:
        model: After training.
        start: Its weights before, as `_float_weights` orders them.
        val: Batches to choose by, or None.
        history: Told what was chosen.

    References:
        Wortsman et al. 2022, Robust fine-tuning of zero-shot models (arXiv 2109.01903). We start
        from a solved head where they start from a text encoder, and choose on validation data.
    """
    end = [np.array(weight) for weight in _float_weights(model)]

    def move_to(alpha: float) -> None:
        for weight, first, last in zip(_float_weights(model), start, end, strict=True):
            weight.assign(first + alpha * (last - first))

    def validation_error(alpha: float, val: Batches) -> float:
        move_to(alpha)
        found = held_out(model, val)
        return found.n * found.squared_error

    history.interpolation = DEFAULT_INTERPOLATION
    if val is not None:
        history.interpolation = average_interpolation(
            [validation_error(alpha, val) for alpha in INTERPOLATION_GRID]
        )
    move_to(history.interpolation)
    if val is not None:
        history.kept = held_out(model, val)


def average_interpolation(validation_error: Sequence[float]) -> float:
    """The mean of SHARES under weights exp(-error), to two decimals: what harms is left out whole.

    Args:
        validation_error: For each share, the squared error of the validation probabilities, summed over
            images: it tells apart what accuracy on a few dozen pictures cannot.
    """
    weights = np.exp(np.min(validation_error) - np.asarray(validation_error))
    return round(float(weights @ INTERPOLATION_GRID / weights.sum()), 2)


def _float_weights(model: keras.Model) -> list[keras.Variable]:
    """Weights and moving statistics; not the states of random generators."""
    return [weight for weight in model.weights if "float" in weight.dtype]


class _SetRate(keras.callbacks.Callback):
    """The schedule: sets the rate before every step, and tells of the pictures shown after it."""

    def __init__(
        self, plan: Plan, steps_per_epoch: int, keeper: _EpochScorer, progress: StepProgress | None
    ) -> None:
        super().__init__()
        self._plan = plan
        self._warmup = plan.training.warmup_epochs * steps_per_epoch
        self._total = plan.training.epochs * steps_per_epoch
        self._step = 0
        self._keeper = keeper
        self._progress = progress

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        plateau = self._keeper.plateau.factor
        factor = rate_factor(self._plan.training.schedule, self._step, self._total, self._warmup)
        self.model.optimizer.learning_rate = self._plan.training.learning_rate * factor * plateau
        self._step += 1
        self._keeper.history.steps = self._step

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if self._progress:
            before = self._plan.split.n_train * (
                (self._step - 1) // self._plan.training.steps_per_epoch
            )
            shown = min((batch + 1) * self._plan.training.batch_size, self._plan.split.n_train)
            self._progress(before + shown, self._plan.split.n_train * self._plan.training.epochs)


class _EpochScorer(keras.callbacks.Callback):
    """Scores every epoch, ends a phase that no longer improves, keeps the best weights if asked."""

    def __init__(
        self, plan: Plan, val: Batches | None, report: Report | None, keep_best: bool
    ) -> None:
        super().__init__()
        self.history = History()
        self.plateau = PlateauState()
        self._plan = plan
        self._val = val
        self._report = report
        self._keep_best = keep_best
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
                f"try a smaller rate: --learning-rate {self._plan.training.learning_rate / 10:g}",
            )
        self._score(epoch + 1, {"loss": logs["loss"], "accuracy": logs["accuracy"]})
        if self._val is None:
            self.history.best_epoch = epoch + 1
        elif epoch + 1 - self.history.best_epoch >= self._plan.training.patience:
            self.model.stop_training = True

    def on_train_end(self, logs: Any = None) -> None:
        if self._weights is not None:
            self.model.set_weights(self._weights)

    def _score(self, epoch: int, logs: dict[str, float]) -> None:
        record: dict[str, Any] = {"epoch": epoch, "epochs": self._plan.training.epochs, **logs}
        if self._val is not None:
            found = held_out(self.model, self._val)
            record |= {"val_loss": found.loss, "val_accuracy": found.accuracy}
            if self._plan.training.schedule == "plateau":
                self.plateau.update(found.loss)
            if (found.accuracy, -found.loss) > self._best:
                self._best = (found.accuracy, -found.loss)
                self.history.best_epoch = epoch
                if self._keep_best:
                    self._weights = self.model.get_weights()
        record["seconds"] = round(time.perf_counter() - self._started, 3)
        self.history.epochs.append(record)
        if self._report:
            self._report(record)


def held_out(model: keras.Model, batches: Batches) -> ValidationScore:
    """Score a model on batches, without touching its metrics."""
    sums, count = np.zeros(3), 0
    for index in range(len(batches)):
        inputs, targets = batches[index][:2]
        found = np.asarray(model.predict_on_batch(inputs))
        chosen = (found * targets).sum(axis=1)
        sums += (
            -np.log(np.maximum(chosen, 1e-7)).sum(),
            (found.argmax(1) == targets.argmax(1)).sum(),
            np.square(found - targets).sum(),
        )
        count += len(targets)
    loss, accuracy, squared_error = (sums / count).tolist()
    return ValidationScore(loss, accuracy, squared_error, count)


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
