"""Features of images, computed once per image, backbone, cut and view, and stored on disk."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import numpy as np

from tlearn.data.augmentation import Augmentation, augment
from tlearn.data.pixel_store import DECODER_VERSION, PixelStore
from tlearn.features.engine import Engine
from tlearn.features.extractor import FeatureExtractor
from tlearn.progress import StepProgress
from tlearn.storage.row_table import RowTable

_BATCH = 32

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
    """

    def __init__(
        self, cache: Path, name: str, rule: str, row_shape: Sequence[int], dtype: str
    ) -> None:
        folder = cache / "features" / f"{name}-{rule}-v{DECODER_VERSION}-{dtype}"
        self.table = RowTable(folder, row_shape, dtype)
        self._largest = float(np.finfo(dtype).max)

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
            for start in range(0, len(missing), _BATCH):
                batch = [views_by_key[key] for key in missing[start : start + _BATCH]]
                clean = pixels.read([digest for digest, _ in batch])
                yield views.draw(clean, batch)

        source = batches()
        first = next(source)
        for number, rows in enumerate(engine(first).run(chain([first], source))):
            keys = missing[number * _BATCH : (number + 1) * _BATCH]
            finite = np.clip(rows, -self._largest, self._largest)  # float16 ends at 65,504
            self.table.append(keys, finite.reshape(len(keys), *self.table.row_shape))
            if progress:
                progress(number * _BATCH + len(keys), len(missing))
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


def extractor_store(cache: Path, extractor: FeatureExtractor, resize: str) -> FeatureStore:
    """Return the store of an extractor's outputs, side by side in each row."""
    return FeatureStore(cache, extractor.name, resize, (extractor.width,), "float32")
