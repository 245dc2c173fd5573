"""A teacher's stored outputs for views of images, in batches for its student."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import keras
import numpy as np

from tlearn.data.pixel_store import PixelStore
from tlearn.features.store import FeatureStore, Views

BATCH = 128

View = tuple[str, int]
"""Digest of an image and number of its view; view 0 is the image itself."""


@dataclass(frozen=True)
class TeacherDataset:
    """Views of images, and the teacher's outputs for them.

    Attributes:
        digests: Images.
        pixels: Their pixels at the student's input size.
        views: Views of each image, the same for teacher and student.
        store: The teacher's embedding followed by its class probabilities, for every view.
        width: Width of the teacher's embedding.
    """

    digests: Sequence[str]
    pixels: PixelStore
    views: Views
    store: FeatureStore
    width: int

    @property
    def classes(self) -> int:
        """Return the number of the teacher's classes; 0 if it has none."""
        return self.store.table.row_shape[0] - self.width

    def inputs(self, views: Sequence[View]) -> np.ndarray:
        """Return the pixels of views, float32 (n, H, W, 3)."""
        clean = self.pixels.read([digest for digest, _ in views])
        return self.views.draw(clean, views).astype(np.float32)

    def outputs(self, views: Sequence[View]) -> tuple[np.ndarray, np.ndarray]:
        """Return the teacher's embeddings (n, width) and probabilities (n, classes) of views."""
        rows = self.store.table.read([self.views.key(*view) for view in views])
        rows = rows.astype(np.float32)
        return rows[:, : self.width], rows[:, self.width :]


@dataclass(frozen=True)
class Standardizer:
    """Shifts and scales embeddings to mean 0 and variance 1 in every feature."""

    mean: np.ndarray
    deviation: np.ndarray

    @classmethod
    def of(cls, teacher_dataset: TeacherDataset, most: int = 4096) -> Standardizer:
        """Measure mean and deviation on the unaugmented views of the first images."""
        views = [(digest, 0) for digest in teacher_dataset.digests[:most]]
        embeddings, _ = teacher_dataset.outputs(views)
        return cls(embeddings.mean(axis=0), embeddings.std(axis=0) + 1e-3)

    def apply(self, embeddings: np.ndarray) -> np.ndarray:
        """Return standardized embeddings (n, width)."""
        return (embeddings - self.mean) / self.deviation


class TeacherBatches(keras.utils.PyDataset):
    """Shuffled batches of views with the teacher's outputs; a round has one view of each image.

    Args:
        teacher_dataset: Views and outputs.
        standardizer: Standardizes the embeddings.
        seed: Random seed of order and views.
        first_round: Number of the first round, for a training that is resumed.
    """

    def __init__(
        self,
        teacher_dataset: TeacherDataset,
        standardizer: Standardizer,
        seed: int,
        first_round: int = 0,
    ) -> None:
        super().__init__(workers=2, max_queue_size=16)
        self._dataset, self._standardizer, self._seed = teacher_dataset, standardizer, seed
        self._round = first_round - 1
        self.on_epoch_end()

    def __len__(self) -> int:
        return max(1, len(self._dataset.digests) // BATCH)

    def on_epoch_end(self) -> None:
        """Choose the order and the views of the next round."""
        self._round += 1
        rng = np.random.default_rng((self._seed, self._round))
        count = len(self._dataset.digests)
        self._order = rng.permutation(count)
        self._view = rng.integers(self._dataset.views.count, size=count)

    def __getitem__(self, index: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        rows = self._order[index * BATCH : (index + 1) * BATCH]
        views = [(self._dataset.digests[row], int(self._view[row])) for row in rows]
        embeddings, probabilities = self._dataset.outputs(views)
        targets = {"embedding": self._standardizer.apply(embeddings)}
        if self._dataset.classes:
            targets["source"] = probabilities
        return self._dataset.inputs(views), targets
