"""Features of images, computed once per image, backbone, cut and view, and stored on disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from tlearn.data.augmentation import Augmentation, augment
from tlearn.data.pixel_store import DECODER_VERSION, PixelStore
from tlearn.errors import HostError, pasted, quoted
from tlearn.features.engine import Engine
from tlearn.features.extractor import FeatureExtractor
from tlearn.progress import StepProgress
from tlearn.storage.row_table import RowTable
from tlearn.storage.shards import SUFFIX, ShardedTable

STORE_VARIABLE = "TLEARN_STORE"
BATCH = 32
EXTRACTED = "float32"
"""The dtype of an extractor's outputs."""

Shard = tuple[int, int]
"""Its number, from 1, and how many there are."""

EngineFactory = Callable[[np.ndarray], Engine]
"""Opens a frozen network, given a sample (n, H, W, 3) of the images that it will run."""


class FeatureStore:
    """Rows of features by one frozen network, at one resize rule and precision.

    Args:
        cache: The cache folder.
        name: Name of the network that computes the rows: fingerprint and cut.
        rule: That by which files became pixels, `PixelStore.rule`.
        row_shape: Shape of one image's row.
        dtype: "float32" or "float16".
        shared: A folder of rows that other machines have computed.
    """

    def __init__(
        self,
        cache: Path,
        name: str,
        rule: str,
        row_shape: Sequence[int],
        dtype: str,
        shared: Path | None = None,
    ) -> None:
        table_name = _table_name(name, rule, dtype)
        folder = cache / "features" / table_name
        self.table = (
            ShardedTable(folder, row_shape, dtype, shared / table_name)
            if shared
            else RowTable(folder, row_shape, dtype)
        )

    def fill(
        self,
        pixels: PixelStore,
        digests: Sequence[str],
        engine: EngineFactory,
        views: Views,
        progress: StepProgress | None = None,
    ) -> int:
        """Compute the rows that are missing.

        Args:
            pixels: Decoded images.
            digests: Digests of the images.
            engine: Opens the frozen network, given the first images it will run; not called when
                nothing is missing.
            views: The views of each image.
            progress: Called with (rows done, rows in total) after every batch.

        Returns:
            Number of rows computed.
        """
        views_by_key = {views.key(d, v): (d, v) for d in digests for v in range(views.count)}
        missing = self.table.missing(views_by_key)
        if not missing:
            return 0

        def batches() -> Iterator[np.ndarray]:
            for start in range(0, len(missing), BATCH):
                batch = [views_by_key[key] for key in missing[start : start + BATCH]]
                clean = pixels.read([digest for digest, _ in batch])
                yield views.draw(clean, batch)

        for number, rows in enumerate(run_engine(engine, batches())):
            keys = missing[number * BATCH : (number + 1) * BATCH]
            finite = storable(rows, self.table.dtype)
            self.table.append(keys, finite.reshape(len(keys), *self.table.row_shape))
            if progress:
                progress(number * BATCH + len(keys), len(missing))
        return len(missing)


class Views:
    """The views of an image that are stored: the clean one first, then augmented ones.

    Args:
        count: Number of views of each image, including the clean one.
        policy: How the views after the first are drawn.
        seed: Random seed of the augmented views.

    Raises:
        ValueError: There are augmented views, and no policy.
    """

    def __init__(self, count: int = 1, policy: Augmentation | None = None, seed: int = 0) -> None:
        if count > 1 and policy is None:
            raise ValueError("views after the first need an augmentation policy")
        self.count = count
        self.policy = policy
        self.seed = seed

    def key(self, digest: str, view: int) -> str:
        """Return the key of an image's view; for the clean view, the digest itself."""
        return digest if view == 0 else self._hash(digest, view).hex()

    def draw(self, clean: np.ndarray, wanted: Sequence[tuple[str, int]]) -> np.ndarray:
        """Draw views of images.

        Args:
            clean: (n, H, W, 3), pixels of the images.
            wanted: n pairs of digest and view.

        Returns:
            (n, H, W, 3), pixels of the views.
        """
        return np.stack(
            [
                image if view == 0 else self._augmented(image, digest, view)
                for image, (digest, view) in zip(clean, wanted, strict=True)
            ]
        )

    def _augmented(self, image: np.ndarray, digest: str, view: int) -> np.ndarray:
        assert self.policy is not None
        entropy = int.from_bytes(self._hash(digest, view)[:8], "big")
        return augment(image, self.policy, np.random.default_rng(entropy))

    def _hash(self, digest: str, view: int) -> bytes:
        return hashlib.sha256(f"{digest}/{view}/{self.seed}/{self.policy}".encode()).digest()


def storable(rows: np.ndarray, dtype: str | np.dtype) -> np.ndarray:
    """Return rows with values that a dtype can hold; float16 ends at 65,504."""
    largest = float(np.finfo(dtype).max)
    return np.clip(rows, -largest, largest)


def run_engine(engine: EngineFactory, batches: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield the outputs for each batch of images, by an engine that is opened for the first one."""
    for first in batches:
        yield from engine(first).run(chain([first], batches))


def extractor_store(cache: Path, extractor: FeatureExtractor, resize: str) -> FeatureStore:
    """Return the store of an extractor's outputs, side by side in each row."""
    row = (extractor.width,)
    return FeatureStore(cache, extractor.name, resize, row, EXTRACTED, shared_store())


def shared_store() -> Path | None:
    """Return the folder of shards that TLEARN_STORE names; None if it names none.

    Raises:
        HostError: There is no such folder.
    """
    named = os.environ.get(STORE_VARIABLE)
    if not named:
        return None
    folder = Path(named).expanduser()
    if not folder.is_dir():
        raise HostError(
            f"{STORE_VARIABLE} is {quoted(named)}, which is no folder",
            f"unset it, or fill it: tlearn features FOLDER --store {pasted(folder)}",
        )
    return folder


def shard_path(store: Path, extractor: FeatureExtractor, resize: str, shard: Shard) -> Path:
    """Return the file of a shard of an extractor's outputs, where `extractor_store` finds it."""
    number, count = shard
    folder = store / _table_name(extractor.name, resize, EXTRACTED)
    return folder / f"{number}-of-{count}{SUFFIX}"


def _table_name(name: str, rule: str, dtype: str) -> str:
    return f"{name}-{rule}-v{DECODER_VERSION}-{dtype}"
