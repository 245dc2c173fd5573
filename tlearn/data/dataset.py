"""An image folder that has been decoded, inspected and split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.data.copy_findings import CopyGroup, copy_issues, find_copies
from tlearn.data.extension import Earlier, extend_split
from tlearn.data.foreign import ANNEX_POINTER, POINTER
from tlearn.data.group_findings import group_issues
from tlearn.data.group_likeness import likeness
from tlearn.data.groups import (
    GUESSED,
    NO_RULE,
    Grouping,
    GroupRule,
    check_pattern,
    find_groups,
    join_groups,
)
from tlearn.data.high_depth import parse_range
from tlearn.data.image_folder import ImageFolder
from tlearn.data.inspection import DataIssue, inspect_dataset
from tlearn.data.manifest import SplitManifest, SplitRow
from tlearn.data.pixel_issues import find_pixel_issues
from tlearn.data.pixel_store import PixelRows, PixelStore, store_folder, store_pixels
from tlearn.data.sampling import train_folds
from tlearn.data.split import Fold, make_split
from tlearn.data.unknown import Strangers, read_strangers
from tlearn.errors import DataError, pasted, quoted
from tlearn.progress import ProgressCallback, Timer

UNTRAINABLE = "untrainable"
"""The issue of a folder that is examined though no split of it could be trained on."""


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
        grouping: Images that belong together beside copies; None where none are known or guessed.
        copies: Groups of images that show the same.
        strangers: Images of none of the classes; None where nobody named any.
    """

    folder: ImageFolder
    pixels: PixelStore
    issues: tuple[DataIssue, ...]
    manifest: SplitManifest
    resize: str
    seed: int = 0
    grouping: Grouping | None = None
    copies: tuple[CopyGroup, ...] = ()
    strangers: Strangers | None = None

    @property
    def is_trainable(self) -> bool:
        """Return whether the manifest is a split, and not all images in train."""
        return all(issue.kind != UNTRAINABLE for issue in self.issues)

    def digests(self, split: str) -> list[str]:
        """Return the digests of a split's images, in the order of `manifest.indices(split)`."""
        return [self.manifest.digests[row] for row in self.manifest.indices(split)]

    def groups(self, split: str) -> tuple[str, ...]:
        """Return the groups of a split's images, in the order of `manifest.indices(split)`."""
        return self.manifest.groups_of(split)

    def rows(self, split: str) -> PixelRows:
        """Return a split's images, which are read from disk when indexed."""
        return self.pixels.rows(self.digests(split))

    def labels(self, split: str) -> np.ndarray:
        """Return the class indices (n,) of a split's images, or those of strata."""
        return self.manifest.labels[self.manifest.indices(split)]

    @property
    def outputs(self) -> tuple[str, ...]:
        """Return the names of what a model answers: classes, labels, or that of a number."""
        return self.folder.outputs or self.manifest.classes

    def targets(self, split: str) -> np.ndarray:
        """Return what is learned of a split's images: classes (n,), else (n, outputs)."""
        if self.manifest.targets is None:
            return self.labels(split)
        return self.manifest.targets[self.manifest.indices(split)]

    def folds(self, seed: int) -> list[Fold]:
        """Divide the train split into cross-validation folds; see `sampling.train_folds`."""
        return train_folds(self.manifest, seed)

    def with_seed(self, seed: int, val_fraction: float, test_fraction: float) -> Dataset:
        """Return the same images with the split of another seed; see `split.make_split`.

        Raises:
            DataError: That split leaves a class too few images.
        """
        keys = _kept_together(self.pixels, self.copies, self.grouping)
        manifest = make_split(
            self.folder,
            self.pixels.infos,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            seed=seed,
            groups=keys,
        )
        return replace(self, manifest=manifest, seed=seed)


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
    group_rule: GroupRule = NO_RULE,
    gray_range: str | None = "auto",
    examined: bool = False,
    earlier: Earlier | None = None,
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
        group_rule: Which images are kept together beside copies.
        gray_range: Values that become black and white in images of more than 8 bits, as recipes
            have them; "auto" takes what the folder uses.
        examined: Take a folder that cannot be trained on too, and tell why among its issues.
        earlier: The split that the folder's first images have; the others are added to it.

    Raises:
        DataError: The folder cannot be used as it is.
    """
    named = earlier.with_own_names(folder) if earlier else folder
    known = earlier.known_groups(folder) if earlier else ()
    check_pattern(named, group_rule)
    with timer.time("decode"):
        pixels = _read(folder, image_size, resize, cache, gray_range, progress)
        _refuse_pointers(folder, pixels)
        if strict:
            _refuse_unreadable(folder, pixels)
        copies = find_copies(pixels, partial(progress, "compare images"))
        grouping = find_groups(named, pixels.infos, group_rule, likeness(folder.images, pixels))
        strangers = read_strangers(folder, pixels, resize, cache, partial(progress, "read images"))
        keys = _kept_together(pixels, copies, grouping, known)
        divide = partial(extend_split, earlier) if earlier else make_split
        split = partial(divide, folder, pixels.infos, seed=seed, groups=keys)
        split = partial(split, val_fraction=val_fraction, test_fraction=test_fraction)
        manifest, obstacles = _split_or_not(split, folder, pixels) if examined else (split(), ())
    folder = earlier.without_splits(folder) if earlier else folder
    found = _find_issues(folder, pixels, grouping, group_rule.use == GUESSED, copies)
    issues = tuple(sorted((*obstacles, *found), key=lambda issue: issue.severity != "warning"))
    facts = (issues, manifest, resize, seed, grouping, copies)
    return Dataset(folder, pixels, *facts, strangers)


def _read(
    folder: ImageFolder,
    image_size: int,
    resize: str,
    cache: Path,
    gray_range: str | None,
    progress: ProgressCallback,
) -> PixelStore:
    paths, step = [image.path for image in folder.images], partial(progress, "read images")
    if gray_range == "auto":
        return store_folder(paths, image_size, resize, cache, step)
    values = parse_range(gray_range) if gray_range else None
    return store_pixels(paths, image_size, resize, cache, step, values)


def _kept_together(
    pixels: PixelStore,
    copies: Sequence[CopyGroup],
    grouping: Grouping | None,
    known: Sequence[str | None] = (),
) -> list[str]:
    """Return a key for each image, the same for those that have to stay on one side."""
    digests = [info.sha256 for info in pixels.infos]
    keys = grouping.keys if grouping and grouping.obeyed else ()
    return join_groups(len(digests), digests, known, [group.rows for group in copies], keys)


def _find_issues(
    folder: ImageFolder,
    pixels: PixelStore,
    grouping: Grouping | None,
    guess_asked: bool,
    copies: Sequence[CopyGroup],
) -> Iterator[DataIssue]:
    yield from inspect_dataset(folder, pixels.infos)
    yield from find_pixel_issues(folder, pixels.infos, pixels.gray_range)
    yield from group_issues(folder, pixels.infos, grouping, guess_asked)
    yield from copy_issues(folder, copies)


def _split_or_not(
    split: Callable[[], SplitManifest], folder: ImageFolder, pixels: PixelStore
) -> tuple[SplitManifest, tuple[DataIssue, ...]]:
    """Return a split or, where there can be none, all images that can be read, and the reason."""
    try:
        return split(), ()
    except DataError as error:
        rows = [
            SplitRow(image.name, image.label, info.sha256, "train", target=image.target)
            for image, info in zip(folder.images, pixels.infos, strict=True)
            if info.problem is None
        ]
        if not rows:
            raise
        hint = f"{error.hint[:1].upper()}{error.hint[1:]}"
        message = f"The folder cannot be trained on as it is: {error.message}. {hint}."
        issue = DataIssue(UNTRAINABLE, "warning", message, ())
        return SplitManifest.of(folder.classes, rows), (issue,)


def _refuse_pointers(folder: ImageFolder, pixels: PixelStore) -> None:
    """Refuse a clone without its large files, which is not damaged but incomplete."""
    tools = {POINTER: ("Git LFS", "lfs pull"), ANNEX_POINTER: ("git-annex", "annex get .")}
    for pointer, (tool, command) in tools.items():
        count = sum(info.problem == pointer for info in pixels.infos)
        if 2 * count > len(pixels.infos):
            raise DataError(
                f"{count} of {len(pixels.infos)} images in {quoted(folder.root)} are {tool} "
                "pointers, text in place of the images",
                f"fetch them: git -C {pasted(folder.root)} {command}",
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
