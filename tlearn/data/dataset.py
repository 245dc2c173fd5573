"""An image folder that has been decoded, inspected and split."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.data.foreign import POINTER
from tlearn.data.image_folder import ImageFolder
from tlearn.data.inspection import DataIssue, inspect_dataset
from tlearn.data.manifest import SplitManifest
from tlearn.data.pixel_store import PixelRows, PixelStore, store_pixels
from tlearn.data.sampling import train_folds
from tlearn.data.split import Fold, make_split
from tlearn.errors import DataError, pasted, quoted
from tlearn.progress import ProgressCallback, Timer


@dataclass(frozen=True)
class Dataset:
    """An image folder with its pixels, its issues and its split.

    Attributes:
        folder: Classes and files.
        pixels: Decoded images, found by digest.
        issues: What is wrong or risky in the folder.
        manifest: Which image belongs to which split.
        resize: The rule by which images became square, one of `decode.RESIZE_RULES`.
        seed: Seed of the split and of the folds.
    """

    folder: ImageFolder
    pixels: PixelStore
    issues: tuple[DataIssue, ...]
    manifest: SplitManifest
    resize: str
    seed: int = 0

    def digests(self, split: str) -> list[str]:
        """Return the digests of a split's images, in the order of `manifest.indices(split)`."""
        return [self.manifest.digests[row] for row in self.manifest.indices(split)]

    def rows(self, split: str) -> PixelRows:
        """Return a split's images, which are read from disk when indexed."""
        return self.pixels.rows(self.digests(split))

    def labels(self, split: str) -> np.ndarray:
        """Return the class indices (n,) of a split's images."""
        return self.manifest.labels[self.manifest.indices(split)]

    def folds(self, seed: int) -> list[Fold]:
        """Divide the train split into cross-validation folds; see `sampling.train_folds`."""
        return train_folds(self.manifest, seed)


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
    """Decode, inspect and split an image folder.

    Args:
        folder: Classes and files.
        image_size: Side of the decoded squares, in pixels.
        resize: How an image becomes square, one of `decode.RESIZE_RULES`.
        cache: The cache folder, which keeps decoded pixels.
        progress: Called with (step, done, total).
        timer: Times the step "decode".
        val_fraction: Fraction for val, if the folder has no splits of its own.
        test_fraction: Fraction for test, if the folder has no splits of its own.
        seed: Seed of the split.
        strict: Refuse a folder with unreadable images instead of leaving them out.

    Raises:
        DataError: The folder cannot be used as it is.
    """
    with timer.time("decode"):
        paths = [image.path for image in folder.images]
        pixels = store_pixels(paths, image_size, resize, cache, partial(progress, "read images"))
        issues = inspect_dataset(folder, pixels.infos)
        _refuse_pointers(folder, pixels)
        if strict:
            _refuse_unreadable(folder, pixels)
        manifest = make_split(
            folder,
            pixels.infos,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            seed=seed,
        )
    return Dataset(folder, pixels, issues, manifest, resize, seed)


def _refuse_pointers(folder: ImageFolder, pixels: PixelStore) -> None:
    """Refuse a clone without its large files, which is not damaged but incomplete."""
    count = sum(info.problem == POINTER for info in pixels.infos)
    if 2 * count > len(pixels.infos):
        raise DataError(
            f"{count} of {len(pixels.infos)} images in {quoted(folder.root)} are Git LFS pointers, "
            "text in place of the images",
            f"fetch them: git -C {pasted(folder.root)} lfs pull",
        )


def _refuse_unreadable(folder: ImageFolder, pixels: PixelStore) -> None:
    unreadable = [
        f"{image.name!r}: {info.problem}"
        for image, info in zip(folder.images, pixels.infos, strict=True)
        if info.problem
    ]
    if unreadable:
        count = "1 image" if len(unreadable) == 1 else f"{len(unreadable)} images"
        more = [f"... and {len(unreadable) - 10} more"] if len(unreadable) > 10 else []
        raise DataError(
            "\n".join([f"{count} cannot be read:", *unreadable[:10], *more]),
            "replace or delete them, or train without them: leave out --strict",
        )
