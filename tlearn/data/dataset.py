"""A folder in; checked pixels and a split out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.data.image_folder import ImageFolder
from tlearn.data.inspection import DataIssue, inspect_dataset
from tlearn.data.pixel_store import PixelRows, PixelStore, store_pixels
from tlearn.data.sampling import FOLDS, FOLDS_OF_MANY, MANY, MOST, make_folds, stratified
from tlearn.data.split import Fold, SplitManifest, make_split
from tlearn.errors import DataError
from tlearn.progress import ProgressCallback, Timer


@dataclass(frozen=True)
class Dataset:
    """A folder, read and divided.

    Attributes:
        folder: Classes and files.
        pixels: Decoded pictures, found by digest.
        issues: What is wrong or risky in the folder.
        manifest: Which picture is learned from, chosen by, and reported on.
        resize: The rule that made them square.
        seed: Of the split, and of folds.
    """

    folder: ImageFolder
    pixels: PixelStore
    issues: tuple[DataIssue, ...]
    manifest: SplitManifest
    resize: str
    seed: int = 0

    def digests(self, split: str) -> list[str]:
        """Digests of a part's pictures, in the order of `manifest.indices(split)`."""
        return [self.manifest.digests[row] for row in self.manifest.indices(split)]

    def rows(self, split: str) -> PixelRows:
        """A part's pictures, read as they are indexed."""
        return self.pixels.rows(self.digests(split))

    def labels(self, split: str) -> np.ndarray:
        """Class indices of a part's pictures."""
        return self.manifest.labels[self.manifest.indices(split)]

    def folds(self, seed: int) -> list[Fold]:
        """Rows of the train split to solve on and to hold out, copies of a file kept together.

        Of very many pictures a stratified sample answers as well, in bounded time and memory.
        """
        labels, digests = self.labels("train"), self.digests("train")
        rows = stratified(labels, MOST, seed)
        most = FOLDS if len(labels) < MANY else FOLDS_OF_MANY
        folds = make_folds(labels[rows], [digests[row] for row in rows], seed, most)
        return [(rows[solved], rows[held_out]) for solved, held_out in folds]


def load_dataset(
    folder: ImageFolder,
    image_size: int,
    resize: str,
    cache: Path,
    progress: ProgressCallback,
    timer: Timer,
    *,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    seed: int = 0,
    strict: bool = False,
) -> Dataset:
    """Decode, inspect and split a folder.

    Args:
        folder: Classes and files.
        image_size: Side of the square the network sees, in pixels.
        resize: How a picture becomes square.
        cache: Where decoded pixels are kept.
        progress: Called with (step, done, total).
        timer: Times the steps.
        val_fraction: Share of a flat folder for validation.
        test_fraction: Share of a flat folder for the test.
        seed: Seed of the split.
        strict: Refuse a folder with unreadable pictures instead of leaving them out.

    Raises:
        DataError: The folder cannot be used as it is.
    """
    with timer.time("decode"):
        paths = [image.path for image in folder.images]
        pixels = store_pixels(paths, image_size, resize, cache, partial(progress, "read pictures"))
        issues = inspect_dataset(folder, pixels.facts)
        if strict:
            _refuse_unreadable(folder, pixels)
        manifest = make_split(
            folder,
            pixels.facts,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            seed=seed,
        )
    return Dataset(folder, pixels, issues, manifest, resize, seed)


def _refuse_unreadable(folder: ImageFolder, pixels: PixelStore) -> None:
    bad = [
        f"{image.name}: {fact.problem}"
        for image, fact in zip(folder.images, pixels.facts, strict=True)
        if fact.problem
    ]
    if bad:
        shown = bad[:10] + ([f"... and {len(bad) - 10} more"] if len(bad) > 10 else [])
        raise DataError(
            f"{len(bad)} unreadable pictures, and --strict was given:\n" + "\n".join(shown),
            "mend or remove them, or leave --strict out to go on without them",
        )
