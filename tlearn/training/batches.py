"""Batches to train on: pixels augmented when they are read, or stored features."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from tlearn.data.augmentation import Augmentation, augment, mix

_AHEAD = 8
"""Batches read ahead of training."""

Read = Callable[[Sequence[str]], np.ndarray]
"""Keys to stacked inputs: pixels uint8 or features, (n, ...)."""

Prefix = Callable[[np.ndarray], np.ndarray]
"""Pixels (n, H, W, 3) to the outputs of the frozen stages (n, h, w, c)."""


@dataclass(frozen=True)
class Examples:
    """Images with labels, and how their inputs are read.

    Attributes:
        read: Returns the inputs of keys.
        keys: (images, views) keys of the inputs; every epoch reads one view of an image.
        targets: float32 (images, outputs), see `one_hot`.
        weights: (images,) weights in the loss, or None.
        prefix: Frozen stages that inputs pass through, after augmentation; None where the inputs
            are their stored outputs, or where nothing is frozen.
    """

    read: Read
    keys: Sequence[Sequence[str]]
    targets: np.ndarray
    weights: np.ndarray | None = None
    prefix: Prefix | None = None


@dataclass(frozen=True)
class Variation:
    """How training batches vary from epoch to epoch.

    Attributes:
        augmentation: How images are augmented and mixed.
        live: Whether inputs are pixels, to be augmented one by one; stored features are only mixed.
        seed: Random seed of order, views and augmentation.
    """

    augmentation: Augmentation
    live: bool
    seed: int


class Batches:
    """An epoch of batches, the same for the same seed.

    Args:
        examples: Images, labels and how they are read.
        batch_size: Images per batch.
        variation: How epochs differ; None reads the first views in order and unchanged, for
            validation.
    """

    def __init__(
        self, examples: Examples, batch_size: int, variation: Variation | None = None
    ) -> None:
        self._examples = examples
        self._targets = examples.targets
        self._batch_size = batch_size
        self._variation = variation
        self.begin_epoch(0)

    def __len__(self) -> int:
        return math.ceil(len(self._targets) / self._batch_size)

    def begin_epoch(self, epoch: int) -> None:
        """Choose the order and the views of an epoch, counted from 1; 0 is before training."""
        self._epoch = epoch
        count = len(self._targets)
        self._order, self._view = np.arange(count), np.zeros(count, int)
        if self._variation:
            rng = np.random.default_rng((self._variation.seed, self._epoch))
            self._order = rng.permutation(count)
            self._view = rng.integers(len(self._examples.keys[0]), size=count)

    def from_step(self, step: int) -> Iterator[tuple[np.ndarray, ...]]:
        """Yield the batches of the epoch from one on; the next ones are read meanwhile."""
        numbers = range(step, len(self))
        with ThreadPoolExecutor(1) as reader:
            ahead = deque(reader.submit(self.__getitem__, n) for n in numbers[:_AHEAD])
            for number in numbers:
                batch = ahead.popleft().result()
                if number + _AHEAD < len(self):
                    ahead.append(reader.submit(self.__getitem__, number + _AHEAD))
                yield batch

    def __getitem__(self, index: int) -> tuple[np.ndarray, ...]:
        examples = self._examples
        rows = self._order[index * self._batch_size : (index + 1) * self._batch_size]
        inputs = examples.read([examples.keys[row][self._view[row]] for row in rows])
        targets = self._targets[rows]
        if self._variation:
            inputs, targets = self._augment(inputs, targets, index, self._variation)
        if examples.prefix:
            inputs = examples.prefix(inputs)
        batch = (inputs.astype(np.float32), targets)
        return batch if examples.weights is None else (*batch, examples.weights[rows])

    def _augment(
        self, inputs: np.ndarray, targets: np.ndarray, index: int, variation: Variation
    ) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng((variation.seed, self._epoch, index))
        policy = variation.augmentation
        if variation.live:
            inputs = np.stack([augment(image, policy, rng) for image in inputs])
        return mix(inputs.astype(np.float32), targets, policy, rng)


def one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return targets (n, n_classes), float32, of class indices (n,)."""
    return np.eye(n_classes, dtype=np.float32)[labels]


def class_weight_rows(labels: np.ndarray, n_classes: int) -> np.ndarray:
    """Return weights of images that make every class count the same; their mean is one.

    Args:
        labels: (n,) class indices.
        n_classes: Number of classes.

    Returns:
        (n,) float32.
    """
    counts = np.bincount(labels, minlength=n_classes)
    present = (counts > 0).sum()
    return (len(labels) / (present * counts[labels])).astype(np.float32)
