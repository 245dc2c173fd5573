"""Distillation: train a small student to give the outputs that were stored of its teacher."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlearn.errors import RunError, quoted
from tlearn.models.applications import build_network
from tlearn.models.catalog import BackboneSpec
from tlearn.models.cuts import last_feature_map
from tlearn.progress import StepProgress
from tlearn.storage.atomic import write_atomic
from tlearn.training.channel_pruning import ridge_regression
from tlearn.training.schedule import rate_factor
from tlearn.training.teacher_dataset import BATCH, Standardizer, TeacherBatches, TeacherDataset

LEARNING_RATE = 3e-3
PRUNED_LEARNING_RATE = 2e-3
"""Peak learning rate of a student that starts with channels of its teacher."""

WEIGHT_DECAY = 1e-4
SOURCE_LOSS_WEIGHT = 0.5
"""Weight of the loss on classes; that on the standardized embedding has weight one."""

_WARMUP_SHARE = 0.02
_STATISTICS_MOMENTUM = 0.95  # the usual .99 and .999 lag behind in a short training
_CHECKPOINT_SECONDS = 300.0
_PROJECTION_IMAGES = 4096


@dataclass(frozen=True)
class Student:
    """A network that is trained on a teacher's outputs.

    Attributes:
        network: The network that is kept, with a classification layer if the teacher has one.
        training_model: The same with a linear map from its embedding to the teacher's.
    """

    network: keras.Model
    training_model: keras.Model


def build_student(
    spec: BackboneSpec, image_size: int, classes: int, width: int, seed: int
) -> Student:
    """Return a student with random weights.

    Args:
        spec: Its backbone, from `find_backbone`.
        image_size: Side of its input, in pixels.
        classes: Classes of the teacher; 0 for none.
        width: Width of the teacher's embedding.
        seed: Random seed of the weights.
    """
    keras.utils.set_random_seed(seed)
    image = keras.Input((image_size, image_size, 3), name="image", dtype="float32")
    network, _ = build_network(spec, image, classes or None)
    features = last_feature_map(network) if classes else network.outputs[0]
    pooled = keras.layers.GlobalAveragePooling2D(name="student_embedding")(features)
    outputs = {"embedding": keras.layers.Dense(width, name="embedding")(pooled)}
    if classes:
        outputs["source"] = keras.layers.Identity(name="source")(network.outputs[0])
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = _STATISTICS_MOMENTUM
    return Student(network, keras.Model(image, outputs))


def fit_projection(student: Student, teacher_dataset: TeacherDataset) -> None:
    """Fit the linear map from the student's embedding to the teacher's, by ridge regression.

    Args:
        student: A student whose weights are not random; its map is replaced.
        teacher_dataset: Views and the teacher's outputs.
    """
    standardizer = Standardizer.of(teacher_dataset)
    layer = student.training_model.get_layer("embedding")
    embed = keras.Model(student.training_model.inputs[0], layer.input)
    student_rows, teacher_rows = [], []
    for start in range(0, min(_PROJECTION_IMAGES, len(teacher_dataset.digests)), BATCH):
        views = [(digest, 0) for digest in teacher_dataset.digests[start : start + BATCH]]
        student_rows.append(embed.predict_on_batch(teacher_dataset.inputs(views)))
        teacher_rows.append(standardizer.apply(teacher_dataset.outputs(views)[0]))
    inputs, targets = np.concatenate(student_rows), np.concatenate(teacher_rows)
    layer.set_weights(ridge_regression(inputs, targets))


def train_student(
    student: Student,
    teacher_dataset: TeacherDataset,
    seconds: float,
    checkpoint: Path,
    *,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
    progress: StepProgress | None = None,
) -> None:
    """Train a student for a given time, resuming from a checkpoint if there is one.

    The loss is the squared error of the teacher's standardized embedding, from a linear map of
    the student's, plus the cross-entropy of the teacher's class probabilities.

    Args:
        student: From `build_student`.
        teacher_dataset: Views and the teacher's outputs.
        seconds: Time to train, including the time before the checkpoint.
        checkpoint: File to resume from, written every few minutes and at the end.
        learning_rate: Peak learning rate; a checkpoint's own is used where there is one.
        seed: Random seed of order and views.
        progress: Called with (seconds trained, seconds in all) after every batch.

    Raises:
        RunError: The loss is no longer a number, or the checkpoint is of other networks.

    References:
        Hinton et al. 2015 (arXiv 1503.02531); Romero et al. 2014, FitNets (arXiv 1412.6550);
        Beyer et al. 2022, A good teacher is patient and consistent (arXiv 2106.05237): teacher
        and student see the same view. Their views are endless, ours are a stored number.
    """
    model = student.training_model
    optimizer = keras.optimizers.AdamW(
        learning_rate, weight_decay=WEIGHT_DECAY, global_clipnorm=5.0
    )
    losses = {"embedding": "mse", "source": "categorical_crossentropy"}
    weights = {"embedding": 1.0, "source": SOURCE_LOSS_WEIGHT}
    outputs = set(model.output)
    model.compile(
        optimizer,
        {name: losses[name] for name in outputs},
        loss_weights={name: weights[name] for name in outputs},
        jit_compile=False,
    )
    optimizer.build(model.trainable_variables)
    budget = _TimeBudget(model, seconds, checkpoint, learning_rate, progress)
    standardizer = Standardizer.of(teacher_dataset)
    batches = TeacherBatches(teacher_dataset, standardizer, seed, budget.rounds)
    if budget.spent < seconds:
        model.fit(batches, epochs=10**6, verbose=0, callbacks=[budget], shuffle=False)


class _TimeBudget(keras.callbacks.Callback):
    """Follows a schedule over time, saves and resumes checkpoints, and stops when time is up."""

    def __init__(
        self,
        training_model: keras.Model,
        seconds: float,
        checkpoint: Path,
        learning_rate: float,
        progress: StepProgress | None,
    ) -> None:
        super().__init__()
        self._training_model, self._seconds = training_model, seconds
        self._checkpoint, self._progress = checkpoint, progress
        self._learning_rate = learning_rate
        self.spent, self.rounds = 0.0, 0
        if checkpoint.exists():
            self._resume()
        self._spent_before, self._started = self.spent, 0.0
        self._saved_at = self.spent

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        warmup = _WARMUP_SHARE * self._seconds
        factor = rate_factor("cosine", self.spent, self._seconds, warmup)
        self._training_model.optimizer.learning_rate = self._learning_rate * factor

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if logs and not math.isfinite(logs["loss"]):
            raise RunError(
                f"training stopped: the loss is {logs['loss']}",
                "run the same command again to resume from the last checkpoint",
            )
        # Time starts after the first batch, which compiles the step.
        self._started = self._started or time.perf_counter()
        self.spent = self._spent_before + time.perf_counter() - self._started
        if self._progress:
            self._progress(int(min(self.spent, self._seconds)), int(self._seconds))
        over = self.spent >= self._seconds
        if over or self.spent - self._saved_at >= _CHECKPOINT_SECONDS:
            self._save()
        if over:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.rounds += 1

    def _save(self) -> None:
        self._saved_at = self.spent
        values = [np.array(variable) for variable in self._variables()]

        def write(path: Path) -> None:
            np.savez(path, *values, spent=self.spent, rounds=self.rounds, rate=self._learning_rate)

        write_atomic(self._checkpoint, write)

    def _resume(self) -> None:
        with np.load(self._checkpoint) as saved:
            variables = self._variables()
            values = [saved[f"arr_{n}"] for n in range(len(saved.files) - 3)]
            if [v.shape for v in values] != [tuple(v.shape) for v in variables]:
                raise RunError(
                    f"{quoted(self._checkpoint)} is of another student or teacher",
                    "repeat the command that wrote it, or name another folder: --out FOLDER",
                )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
            self.spent, self.rounds = float(saved["spent"]), int(saved["rounds"])
            self._learning_rate = float(saved["rate"])

    def _variables(self) -> list[keras.Variable]:
        return [*self._training_model.variables, *self._training_model.optimizer.variables]
