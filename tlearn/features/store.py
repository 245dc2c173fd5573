"""Features of pictures, computed once per picture, backbone, cut and view, and kept on disk."""

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
"""Opens a frozen network, given pictures (n, H, W, 3) that it will run."""


class FeatureStore:
    """Rows of one frozen network, resize rule and precision.

    Args:
        cache: The cache folder.
        name: The network that computes the rows: fingerprint and cut.
        resize: The rule that made the pictures square.
        row_shape: Shape of one picture's row.
        dtype: "float32" or "float16".
    """

    def __init__(
        self, cache: Path, name: str, resize: str, row_shape: Sequence[int], dtype: str
    ) -> None:
        folder = cache / "features" / f"{name}-{resize}-v{DECODER_VERSION}-{dtype}"
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
            pixels: Decoded pictures.
            digests: Pictures wanted.
            engine: Opens the frozen network, given the first pictures it will run; not called
                when nothing is missing.
            views: The views of each picture that are wanted.
            progress: Told after every batch.

        Returns:
            Rows computed.
        """
        owner = {views.key(d, v): (d, v) for d in digests for v in range(views.count)}
        missing = self.table.missing(owner)
        if not missing:
            return 0

        def batches() -> Iterator[np.ndarray]:
            for start in range(0, len(missing), _BATCH):
                wanted = [owner[key] for key in missing[start : start + _BATCH]]
                clean = pixels.read([digest for digest, _ in wanted])
                yield views.draw(clean, wanted)

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
    """Which views of a picture are stored: the clean one first, then seeded augmented ones.

    Args:
        count: Views of each picture, the clean one counted.
        policy: How views after the first are drawn.
        seed: Same seed, same views.
    """

    def __init__(self, count: int = 1, policy: Augmentation | None = None, seed: int = 0) -> None:
        if count > 1 and policy is None:
            raise ValueError("views after the first need an augmentation policy")
        self.count = count
        self.policy = policy
        self.seed = seed

    def key(self, digest: str, view: int) -> str:
        """The key of a picture's view; the clean view's is the digest itself."""
        return digest if view == 0 else self._hash(digest, view).hex()

    def draw(self, clean: np.ndarray, wanted: Sequence[tuple[str, int]]) -> np.ndarray:
        """Pixels (n, H, W, 3) of the wanted (digest, view) pairs, from their clean pixels."""
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
    """The store of every output of the probe, end to end in each row."""
    return FeatureStore(cache, extractor.name, resize, (extractor.width,), "float32")
