"""A teacher teaches a smaller student: the same view for both, the teacher's answers stored."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from tlearn.data.pixel_store import PixelStore
from tlearn.errors import RunError
from tlearn.features.store import FeatureStore, Views
from tlearn.models.applications import build_network
from tlearn.models.catalog import BackboneSpec
from tlearn.models.stages import last_feature_map
from tlearn.progress import StepProgress
from tlearn.storage.atomic import write_atomic
from tlearn.training.channel_pruning import ridge_regression
from tlearn.training.schedule import rate_factor

BATCH = 128
RATE = 3e-3
INHERITED_RATE = 2e-3
"""Of a student that begins with its teacher's channels."""

WEIGHT_DECAY = 1e-4
SOURCE_SHARE = 0.5
"""Weight of the classes' loss; that of the embedding, on standardised values, is one."""

_WARMUP_SHARE = 0.02
_STATISTICS_MOMENTUM = 0.95  # the usual .99 and .999 lag behind a short training
_CHECKPOINT_SECONDS = 300.0
_MAP_IMAGES = 4096


@dataclass(frozen=True)
class TeacherDataset:
    """Pictures, the views of them, and what the teacher said of each view.

    Attributes:
        digests: Pictures.
        pixels: The same at the student's size.
        views: Views that teacher and student both saw.
        answers: The teacher's embedding and, behind it, its class probabilities.
        width: Numbers in the teacher's embedding.
    """

    digests: Sequence[str]
    pixels: PixelStore
    views: Views
    answers: FeatureStore
    width: int

    @property
    def classes(self) -> int:
        """Classes of the teacher; 0 when it has none."""
        return self.answers.table.row_shape[0] - self.width

    def inputs(self, wanted: Sequence[tuple[str, int]]) -> np.ndarray:
        """Pixels float32 (n, H, W, 3) of (digest, view) pairs."""
        clean = self.pixels.read([digest for digest, _ in wanted])
        return self.views.draw(clean, wanted).astype(np.float32)

    def outputs(self, wanted: Sequence[tuple[str, int]]) -> tuple[np.ndarray, np.ndarray]:
        """The teacher's embeddings (n, width) and probabilities (n, classes)."""
        rows = self.answers.table.read([self.views.key(*pair) for pair in wanted])
        rows = rows.astype(np.float32)
        return rows[:, : self.width], rows[:, self.width :]


class LessonBatches(keras.utils.PyDataset):
    """Endless shuffled batches; every round shows one view of each picture."""

    def __init__(
        self, teacher_dataset: TeacherDataset, scale: Standardizer, seed: int, first_round: int = 0
    ) -> None:
        super().__init__(workers=2, max_queue_size=16)
        self._lessons, self._scale, self._seed = teacher_dataset, scale, seed
        self._round = first_round - 1
        self.on_epoch_end()

    def __len__(self) -> int:
        return max(1, len(self._lessons.digests) // BATCH)

    def on_epoch_end(self) -> None:
        self._round += 1
        rng = np.random.default_rng((self._seed, self._round))
        count = len(self._lessons.digests)
        self._order = rng.permutation(count)
        self._view = rng.integers(self._lessons.views.count, size=count)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        chosen = self._order[index * BATCH : (index + 1) * BATCH]
        wanted = [(self._lessons.digests[n], int(self._view[n])) for n in chosen]
        embeddings, probabilities = self._lessons.outputs(wanted)
        targets = {"embedding": self._scale.apply(embeddings)}
        if self._lessons.classes:
            targets["source"] = probabilities
        return self._lessons.inputs(wanted), targets


@dataclass(frozen=True)
class Standardizer:
    """Centres embeddings and gives each number the variance one."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, teacher_dataset: TeacherDataset, most: int = 4096) -> Standardizer:
        """Measured on clean views."""
        embeddings, _ = teacher_dataset.outputs(
            [(digest, 0) for digest in teacher_dataset.digests[:most]]
        )
        return cls(embeddings.mean(axis=0), embeddings.std(axis=0) + 1e-3)

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        return (embeddings - self.mean) / self.deviation


@dataclass(frozen=True)
class Student:
    """A network that learns.

    Attributes:
        network: With its classification layer; what is kept.
        training_model: The same with a linear map from its embedding to the teacher's.
    """

    network: keras.Model
    training_model: keras.Model


def build_student(
    spec: BackboneSpec, image_size: int, classes: int, width: int, seed: int
) -> Student:
    """A backbone with random weights and what it needs to be taught.

    Args:
        spec: From `find_backbone`.
        image_size: Side of its input, in pixels.
        classes: Classes of the teacher; 0 for none.
        width: Numbers in the teacher's embedding.
        seed: Of the random weights.
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
    return Student(network, keras.Model(image, outputs, name="learner"))


def fit_projection(student: Student, teacher_dataset: TeacherDataset) -> None:
    """Solve the linear map from the embedding of a student that is no longer random."""
    scale = Standardizer.of(teacher_dataset)
    layer = student.training_model.get_layer("embedding")
    embed = keras.Model(student.training_model.inputs, layer.input)
    mine, theirs = [], []
    for start in range(0, min(_MAP_IMAGES, len(teacher_dataset.digests)), BATCH):
        wanted = [(digest, 0) for digest in teacher_dataset.digests[start : start + BATCH]]
        mine.append(embed.predict_on_batch(teacher_dataset.inputs(wanted)))
        theirs.append(scale.apply(teacher_dataset.outputs(wanted)[0]))
    layer.set_weights(ridge_regression(np.concatenate(mine), np.concatenate(theirs)))


def teach(
    student: Student,
    teacher_dataset: TeacherDataset,
    seconds: float,
    checkpoint: Path,
    *,
    rate: float = RATE,
    seed: int = 0,
    told: StepProgress | None = None,
) -> None:
    """Train the student until the time is up; a checkpoint there is gone on from.

    The loss is the squared error of the teacher's standardised embedding, from a linear map of
    the student's, plus the cross-entropy of the teacher's class probabilities.

    Args:
        student: From `build_student`.
        teacher_dataset: What to learn.
        seconds: Time to train, that before the checkpoint counted.
        checkpoint: File to go on from, written every few minutes and at the end.
        rate: Highest learning rate; the checkpoint's own counts where there is one.
        seed: Of order and views.
        told: Told of progress.

    References:
        Hinton et al. 2015 (arXiv 1503.02531); Romero et al. 2014, FitNets (arXiv 1412.6550);
        Beyer et al. 2022, A good teacher is patient and consistent (arXiv 2106.05237): teacher
        and student see the same view. Their views are endless, ours are a stored number.
    """
    training_model = student.training_model
    optimizer = keras.optimizers.AdamW(rate, weight_decay=WEIGHT_DECAY, global_clipnorm=5.0)
    losses = {"embedding": "mse", "source": "categorical_crossentropy"}
    shares = {"embedding": 1.0, "source": SOURCE_SHARE}
    taught = set(training_model.output)
    training_model.compile(
        optimizer,
        {name: losses[name] for name in taught},
        loss_weights={name: shares[name] for name in taught},
        jit_compile=False,
    )
    optimizer.build(training_model.trainable_variables)
    timer = _Clock(training_model, seconds, checkpoint, rate, told)
    batches = LessonBatches(teacher_dataset, Standardizer.of(teacher_dataset), seed, timer.rounds)
    if timer.spent < seconds:
        training_model.fit(batches, epochs=10**6, verbose=0, callbacks=[timer], shuffle=False)


class _Clock(keras.callbacks.Callback):
    """The schedule by time, checkpoints, and the end."""

    def __init__(
        self,
        training_model: keras.Model,
        seconds: float,
        checkpoint: Path,
        rate: float,
        told: StepProgress | None,
    ) -> None:
        super().__init__()
        self._learner, self._seconds = training_model, seconds
        self._checkpoint, self._told = checkpoint, told
        self._rate = rate
        self.spent, self.rounds = 0.0, 0
        if checkpoint.exists():
            self._resume()
        self._before, self._began = self.spent, 0.0
        self._saved = self.spent

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        warmup = _WARMUP_SHARE * self._seconds
        factor = rate_factor("cosine", self.spent, self._seconds, warmup)
        self._learner.optimizer.learning_rate = self._rate * factor

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        if logs and not math.isfinite(logs["loss"]):
            raise RunError(
                f"the loss is {logs['loss']}", "the same command goes on from the last checkpoint"
            )
        # The first batch compiles the step: that is not time taught.
        self._began = self._began or time.perf_counter()
        self.spent = self._before + time.perf_counter() - self._began
        if self._told:
            self._told(int(min(self.spent, self._seconds)), int(self._seconds))
        over = self.spent >= self._seconds
        if over or self.spent - self._saved >= _CHECKPOINT_SECONDS:
            self._save()
        if over:
            self.model.stop_training = True

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        self.rounds += 1

    def _save(self) -> None:
        self._saved = self.spent
        values = [np.array(variable) for variable in self._variables()]

        def write(path: Path) -> None:
            np.savez(path, *values, spent=self.spent, rounds=self.rounds, rate=self._rate)

        write_atomic(self._checkpoint, write)

    def _resume(self) -> None:
        with np.load(self._checkpoint) as kept:
            variables = self._variables()
            stored = [kept[f"arr_{n}"] for n in range(len(kept.files) - 3)]
            if [v.shape for v in stored] != [tuple(v.shape) for v in variables]:
                raise RunError(
                    f"{self._checkpoint} is of another student or teacher",
                    "name another folder with --out, or repeat the command that began it",
                )
            for variable, value in zip(variables, stored, strict=True):
                variable.assign(value)
            self.spent, self.rounds = float(kept["spent"]), int(kept["rounds"])
            self._rate = float(kept["rate"])

    def _variables(self) -> list[keras.Variable]:
        return [*self._learner.variables, *self._learner.optimizer.variables]
