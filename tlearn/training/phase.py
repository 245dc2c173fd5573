"""Epochs of training, each scored and kept in a checkpoint, until there is no more gain or time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from tlearn.backend.memory import is_out_of_memory
from tlearn.backend.parallel import several_processes, train_on_batch
from tlearn.data.targets import NUMBER
from tlearn.errors import HostError, TlearnError
from tlearn.progress import EpochCallback, StepProgress
from tlearn.recipe.plan import Plan
from tlearn.training.batches import Batches
from tlearn.training.checkpoint import Checkpoint, TrainingState
from tlearn.training.interpolation import INTERPOLATION_GRID
from tlearn.training.optimizer import transfer_state
from tlearn.training.schedule import rate_factor
from tlearn.training.validation import ValidationScore, score_batches

_SAVING_SECONDS = 6.0
"""Saving a model, reading it back and drawing the report take about so long."""


@dataclass
class Phase:
    """A training phase.

    Attributes:
        model: Compiled, with its optimizer built.
        plan: Schedule, epochs, patience.
        train: Batches to learn from.
        val: Batches to score by, or None.
        state: Where training stands.
        compile_in_parts: Compiles the model anew, for batches that come in so many parts.
        checkpoint: Where that is kept, or None.
        deadline: When all has to be finished, by `time.perf_counter`; None where epochs decide.
        on_epoch: Called after every epoch.
        progress: Called with (images seen, images in all) after every batch.
    """

    model: keras.Model
    plan: Plan
    train: Batches
    val: Batches | None
    state: TrainingState
    compile_in_parts: Callable[[int], None]
    checkpoint: Checkpoint | None = None
    deadline: float | None = None
    on_epoch: EpochCallback | None = None
    progress: StepProgress | None = None

    def run(self) -> None:
        """Train until the epochs or the time are over, or validation no longer improves.

        Raises:
            TlearnError: The loss is no longer a number.
            HostError: The checkpoint cannot be written.
        """
        self._began = time.perf_counter() - self.state.seconds
        self._scoring_seconds = 0.0
        if self.deadline is None:  # or not any more, where epochs were added
            self.state.budget = None
        elif self.state.budget is None:
            self.state.budget = self.deadline - self._began
        if self.val is not None and not self.state.epochs:
            self._end_epoch(0, {})
        while not self._is_over():
            self._train_epoch()
            state = self.state
            loss, accuracy = (total / state.n_images for total in state.sums)
            self._ensure_number(state.epoch + 1, "loss", loss)
            state.epoch, state.step, state.sums, state.n_images = state.epoch + 1, 0, (0.0, 0.0), 0
            self._end_epoch(state.epoch, {"loss": loss} | self._accuracy("accuracy", accuracy))

    def _elapsed(self) -> float:
        return time.perf_counter() - self._began

    def _time_limit(self) -> float | None:
        """Return when training has to end, in seconds since it began, so that the rest fits in."""
        if self.state.budget is None:
            return None
        # The weights on the line between start and end are scored, and the final ones twice.
        scoring = self._scoring_seconds * len(INTERPOLATION_GRID)
        return max(self.state.budget - _SAVING_SECONDS - scoring, 1.0)

    def _is_over(self) -> bool:
        state, training, limit = self.state, self.plan.training, self._time_limit()
        if limit is not None:
            return state.epoch > 0 and self._elapsed() >= limit
        waited = state.epoch - state.best_epoch
        exhausted = self.val is not None and waited >= training.patience
        return state.epoch >= training.epochs or exhausted

    def _train_epoch(self) -> None:
        state = self.state
        self.train.begin_epoch(state.epoch + 1)
        for batch in self.train.from_step(state.step):
            self._set_rate()
            loss, accuracy = self._train_batch(batch).tolist()
            state.sums = (state.sums[0] + loss, state.sums[1] + accuracy)
            state.n_images += len(batch[0])
            state.step += 1
            self._show_progress()
            if self.checkpoint and self.checkpoint.is_due:
                state.seconds = self._elapsed()
                self.checkpoint.save(self.model, state)
            limit = self._time_limit()
            if limit is not None and self._elapsed() >= limit:
                return

    def _train_batch(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Take one step; return loss and accuracy, summed over the images.

        Where memory is short, the batch is computed in twice as many parts from here on, and their
        gradients are accumulated: neither the batch that counts nor the learning rate changes.
        """
        state = self.state
        while True:
            try:
                pieces = zip(*(np.array_split(array, state.parts) for array in batch), strict=True)
                return np.sum([self._train_piece(piece) for piece in pieces], axis=0)
            except Exception as error:
                if not is_out_of_memory(error) or several_processes():
                    raise
                if 2 * state.parts > len(batch[0]):
                    raise HostError(
                        "there is not enough memory to train on one image",
                        "take smaller images, or tune less: --image-size 128, --policy top-stages",
                    ) from error
            self._double_parts()

    def _train_piece(self, piece: Sequence[np.ndarray]) -> np.ndarray:
        logs = train_on_batch(self.model, piece)
        return len(piece[0]) * np.array([float(logs.get(n, 0)) for n in ("loss", "accuracy")])

    def _double_parts(self) -> None:
        self.state.parts *= 2
        optimizer = self.model.optimizer
        self.compile_in_parts(self.state.parts)
        transfer_state(optimizer, self.model.optimizer, ratio=2)
        self._set_rate()

    def _show_progress(self) -> None:
        if self.progress:
            n_train = self.plan.split.n_train
            done = n_train * self.state.epoch + self.state.n_images
            self.progress(done, max(n_train * self.plan.training.epochs, done))

    def _set_rate(self) -> None:
        """Set the learning rate by the steps taken or, where time decides, by the time spent."""
        training, state, limit = self.plan.training, self.state, self._time_limit()
        if limit is None:
            per_epoch: float = len(self.train)
            done: float = state.epoch * per_epoch + state.step
        else:
            per_epoch, done = limit / training.epochs, min(self._elapsed(), limit)
        total, warmup = training.epochs * per_epoch, training.warmup_epochs * per_epoch
        factor = rate_factor(training.schedule, done, total, warmup)
        self.model.optimizer.learning_rate = training.learning_rate * factor * state.plateau.factor

    def _end_epoch(self, epoch: int, logs: dict[str, float]) -> None:
        """Score the model, keep the record of the epoch and a checkpoint."""
        state = self.state
        record: dict[str, Any] = {"epoch": epoch, "epochs": max(self.plan.training.epochs, epoch)}
        record |= logs
        if self.val is None:
            state.best_epoch = epoch
        else:
            began = time.perf_counter()
            score = score_batches(self.model, self.val, self.plan.task)
            self._scoring_seconds = time.perf_counter() - began
            state.squared_errors.append(score.n * score.squared_error)
            record |= {"val_loss": score.loss} | self._accuracy("val_accuracy", score.accuracy)
            if self.plan.training.schedule == "plateau":
                state.plateau.update(score.loss)
            self._remember_if_best(epoch, score)
        state.seconds = self._elapsed()
        record["seconds"] = round(state.seconds, 3)
        state.epochs.append(record)
        if epoch:
            self._ensure_number(epoch, "validation loss", record.get("val_loss", 0))
        if self.on_epoch:
            self.on_epoch(record)
        if self.checkpoint and epoch:
            self.checkpoint.save(self.model, state)

    def _accuracy(self, name: str, value: float) -> dict[str, float]:
        """Return an accuracy for the record of an epoch; there is none of numbers."""
        return {} if self.plan.task == NUMBER else {name: value}

    def _remember_if_best(self, epoch: int, score: ValidationScore) -> None:
        from_scratch, state = self.plan.policy == "from_scratch", self.state
        if from_scratch and not epoch:  # random weights are no model, however lucky their guesses
            return
        if (score.accuracy, -score.loss) > state.best:
            state.best, state.best_epoch = (score.accuracy, -score.loss), epoch
            if from_scratch:
                state.best_weights = self.model.get_weights()

    def _ensure_number(self, epoch: int, name: str, loss: float) -> None:
        if not np.isfinite(loss):
            rate = self.plan.training.learning_rate / 10
            raise TlearnError(
                f"training stopped in epoch {epoch}: the {name} is {loss}",
                f"try a smaller rate: --learning-rate {rate:g}",
            )
