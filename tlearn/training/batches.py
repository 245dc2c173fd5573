"""Batches for `fit`: stored pixels augmented as they are drawn, or stored features."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import keras
import numpy as np

from tlearn.data.augmentation import Augmentation, augment, mix

Read = Callable[[Sequence[str]], np.ndarray]
"""Keys to stacked inputs: pixels uint8 or features, (n, ...)."""

Prefix = Callable[[np.ndarray], np.ndarray]
"""Pixels (n, H, W, 3) to the outputs of the frozen stages (n, h, w, c)."""


class Batches(keras.utils.PyDataset):
    """One epoch of batches, shuffled anew each epoch, the same for the same seed.

    Args:
        read: Gives the inputs of keys.
        keys: (pictures, views) keys of the inputs; every epoch draws one view a picture.
        labels: (pictures,) class indices.
        n_classes: Number of classes.
        batch_size: Pictures a batch.
        policy: How batches are augmented; None draws them in order and untouched, for validation.
        live: Whether inputs are pixels to augment one by one; stored features are only mixed.
        prefix: The frozen stages, which pixels go through after they were augmented.
        weights: (pictures,) weights of the loss, or None.
        seed: Seed of order, views and augmentation.
    """

    def __init__(
        self,
        read: Read,
        keys: Sequence[Sequence[str]],
        labels: np.ndarray,
        n_classes: int,
        batch_size: int,
        *,
        policy: Augmentation | None = None,
        live: bool = False,
        prefix: Prefix | None = None,
        weights: np.ndarray | None = None,
        seed: int = 0,
        workers: int = 1,
    ) -> None:
        super().__init__(workers=workers, max_queue_size=8)
        self._read = read
        self._keys = keys
        self._targets = np.eye(n_classes, dtype=np.float32)[labels]
        self._batch_size = batch_size
        self._policy = policy
        self._live = live
        self._prefix = prefix
        self._weights = weights
        self._seed = seed
        self._epoch = -1
        self.on_epoch_end()

    def __len__(self) -> int:
        return math.ceil(len(self._targets) / self._batch_size)

    def on_epoch_end(self) -> None:
        self._epoch += 1
        rng = np.random.default_rng((self._seed, self._epoch))
        count = len(self._targets)
        self._order = rng.permutation(count) if self._policy else np.arange(count)
        views = len(self._keys[0]) if self._policy else 1
        self._view = rng.integers(views, size=count)

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inputs = self._read([self._keys[row][self._view[row]] for row in rows])
        targets = self._targets[rows]
        if self._policy:
            rng = np.random.default_rng((self._seed, self._epoch, index))
            if self._live:
                inputs = np.stack([augment(image, self._policy, rng) for image in inputs])
            inputs, targets = mix(inputs.astype(np.float32), targets, self._policy, rng)
        if self._prefix:
            inputs = self._prefix(inputs)
        batch = (inputs.astype(np.float32), targets)
        return batch if self._weights is None else (*batch, self._weights[rows])


def class_weight_rows(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Weight of each row so that every class counts the same; their mean is one."""
    counts = np.bincount(labels, minlength=n_classes)
    present = (counts > 0).sum()
    return (len(labels) / (present * counts[labels])).astype(np.float32)
