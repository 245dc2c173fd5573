"""A folder and a backbone in; checked pixels, a split and stored features out, each made once."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.data.health import Finding, inspect
from tlearn.data.image_folder import ImageFolder
from tlearn.data.pipeline import PixelRows, PixelStore, store_pixels
from tlearn.data.split import Split, fold_indices, make_split
from tlearn.errors import DataError
from tlearn.features.linear_probe import (
    SOLVER_VERSION,
    CrossValidation,
    Fold,
    cross_validate,
    held_out_probabilities,
)
from tlearn.features.probe import EMBEDDING, SOURCE, Probe
from tlearn.features.store import FeatureStore, Opener, Views, probe_store
from tlearn.progress import ProgressCallback, Timer
from tlearn.storage.atomic import CACHE_REMEDY, write_atomic

FOLDS, FOLDS_OF_MANY, MANY, MOST = 5, 3, 2_000, 4_000
"""With many training pictures fewer folds say as much in less time, and so do only so many."""


@dataclass(frozen=True)
class Pictures:
    """A folder, read and divided.

    Attributes:
        folder: Classes and files.
        pixels: Decoded pictures, found by digest.
        findings: What is wrong or risky in the folder.
        split: Which picture is learned from, chosen by, and reported on.
        resize: The rule that made them square.
        seed: Of the split, and of folds.
    """

    folder: ImageFolder
    pixels: PixelStore
    findings: tuple[Finding, ...]
    split: Split
    resize: str
    seed: int = 0

    def digests(self, part: str) -> list[str]:
        """Digests of a part's pictures, in the order of `split.indices(part)`."""
        return [self.split.digests[row] for row in self.split.indices(part)]

    def rows(self, part: str) -> PixelRows:
        """A part's pictures, read as they are indexed."""
        return self.pixels.rows(self.digests(part))

    def labels(self, part: str) -> np.ndarray:
        """Class indices of a part's pictures."""
        return self.split.labels[self.split.indices(part)]

    def folds(self, seed: int) -> list[Fold]:
        """Rows of the train part to solve on and to hold out, copies of a file kept together.

        Of very many pictures a stratified sample answers as well, in bounded time and memory.
        """
        labels, digests = self.labels("train"), self.digests("train")
        rows = stratified(labels, MOST, seed)
        most = FOLDS if len(labels) < MANY else FOLDS_OF_MANY
        folds = draw_folds(labels[rows], [digests[row] for row in rows], seed, most)
        return [(rows[solved], rows[held_out]) for solved, held_out in folds]


def draw_folds(
    labels: np.ndarray, digests: Sequence[str], seed: int, most: int = FOLDS
) -> list[Fold]:
    """At most so many folds; as few as the smallest class has different pictures, but two."""
    different = Counter(label for label, _ in set(zip(labels.tolist(), digests, strict=True)))
    k = max(2, min(most, *different.values()))
    return fold_indices(labels, digests, k, seed)


def stratified(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """At most so many rows, ascending, every class in its share; one row each comes first."""
    shuffled = np.random.default_rng(seed).permutation(len(labels))
    by_class = shuffled[np.argsort(labels[shuffled], kind="stable")]
    counts = np.bincount(labels)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(counts) - counts, counts)
    first = np.argsort(place / np.repeat(counts, counts), kind="stable")[:most]
    return np.sort(by_class[first])


@dataclass(frozen=True)
class Features:
    """What the frozen network says of pictures; read from disk where asked for.

    Attributes:
        probe: The network and its outputs.
        store: Rows of all its outputs, end to end.
        digests: Pictures, in the order of the split.
    """

    probe: Probe
    store: FeatureStore
    digests: Sequence[str]

    def of(self, output: str, indices: np.ndarray) -> np.ndarray:
        """One output of chosen pictures: (len(indices), width)."""
        return self.read([output], [self.digests[index] for index in indices])

    def read(self, outputs: Sequence[str], keys: Sequence[str]) -> np.ndarray:
        """Outputs of stored views, side by side: (len(keys), their widths together)."""
        found = []
        for output in outputs:
            columns = self.probe.columns(output)
            assert columns is not None, output
            found.append(self.store.table.read(keys, columns))
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def widths(self, outputs: Sequence[str]) -> list[int]:
        """Numbers in each output."""
        known = dict(self.probe.outputs)
        return [known[output] for output in outputs]

    def embeddings(self, indices: np.ndarray) -> np.ndarray:
        """Pooled features of the last stage."""
        return self.of(EMBEDDING, indices)

    def source(self, indices: np.ndarray) -> np.ndarray | None:
        """Source-class probabilities, or None when the weights have no classification layer."""
        return self.of(SOURCE, indices) if self.probe.columns(SOURCE) else None

    @property
    def stage_outputs(self) -> list[str]:
        """Names of the pooled features of every stage, input to output."""
        return [name for name, _ in self.probe.outputs if name != SOURCE]

    def outputs_of(self, stages: Sequence[int]) -> list[str]:
        """Those of some stages, numbered from 1."""
        return [self.stage_outputs[number - 1] for number in stages]

    def cross_validate(
        self,
        outputs: Sequence[str],
        keys: Sequence[str],
        labels: np.ndarray,
        n_classes: int,
        folds: Sequence[Fold],
        class_weights: bool,
    ) -> CrossValidation:
        """What folds say of a solved head on some outputs; remembered beside the features.

        Args:
            outputs: Of the probe.
            keys: Stored views.
            labels: (len(keys),) class indices.
            n_classes: Number of classes.
            folds: Pairs of row indices (to solve on, held out); rows in neither are not read.
            class_weights: Weigh rows so that every class counts the same.
        """
        asked = f"{'+'.join(outputs)}/{n_classes}/{class_weights}"
        question = hashlib.sha256(asked.encode())
        for part in (
            " ".join(keys).encode(),
            labels.tobytes(),
            *(r.tobytes() for f in folds for r in f),
        ):
            question.update(part)
        path = self.store.table.folder / "heads" / f"{question.hexdigest()}-v{SOLVER_VERSION}.npz"
        known = CrossValidation.read(path)
        if known:
            return known
        used, here = _used(folds)
        rows = self.read(outputs, [keys[row] for row in used])
        found = cross_validate(
            rows, labels[used], n_classes, here, class_weights, True, self.widths(outputs)
        )
        write_atomic(path, found.write, CACHE_REMEDY)
        return found

    def held_out(
        self,
        outputs: Sequence[str],
        keys: Sequence[str],
        labels: np.ndarray,
        n_classes: int,
        folds: Sequence[Fold],
        penalty: float,
        class_weights: bool,
    ) -> list[np.ndarray]:
        """What heads of one penalty say of the rows that each fold holds out."""
        used, here = _used(folds)
        rows, widths = self.read(outputs, [keys[row] for row in used]), self.widths(outputs)
        return held_out_probabilities(
            rows, labels[used], n_classes, here, penalty, class_weights, widths
        )


def _used(folds: Sequence[Fold]) -> tuple[np.ndarray, list[Fold]]:
    """Rows that any fold names, and the folds as places among them."""
    used = np.unique(np.concatenate([part for fold in folds for part in fold]))
    return used, [(np.searchsorted(used, a), np.searchsorted(used, b)) for a, b in folds]


def read_pictures(
    folder: ImageFolder,
    image_size: int,
    resize: str,
    cache: Path,
    watch: ProgressCallback,
    clock: Timer,
    *,
    val_fraction: float = 0.15,
    test_fraction: float = 0.15,
    seed: int = 0,
    strict: bool = False,
) -> Pictures:
    """Decode, inspect and split a folder.

    Args:
        folder: Classes and files.
        image_size: Side of the square the network sees, in pixels.
        resize: How a picture becomes square.
        cache: Where decoded pixels are kept.
        watch: Told of progress.
        clock: Told where the time goes.
        val_fraction: Share of a flat folder for validation.
        test_fraction: Share of a flat folder for the test.
        seed: Seed of the split.
        strict: Refuse a folder with unreadable pictures instead of leaving them out.

    Raises:
        DataError: The folder cannot be used as it is.
    """
    with clock.time("decode"):
        paths = [image.path for image in folder.images]
        pixels = store_pixels(paths, image_size, resize, cache, partial(watch, "read pictures"))
        findings = inspect(folder, pixels.facts)
        if strict:
            _refuse_unreadable(folder, pixels)
        split = make_split(
            folder,
            pixels.facts,
            val_fraction=val_fraction,
            test_fraction=test_fraction,
            seed=seed,
        )
    return Pictures(folder, pixels, findings, split, resize, seed)


def compute_features(
    pictures: Pictures,
    probe: Probe,
    cache: Path,
    engine: Opener,
    watch: ProgressCallback,
    clock: Timer,
) -> Features:
    """Every output of the probe for every picture of the split; only what is missing is run.

    Args:
        pictures: Pixels and split.
        probe: The network.
        cache: Where features are kept.
        engine: Opens the network.
        watch: Told of progress.
        clock: Told where the time goes.
    """
    store = probe_store(cache, probe, pictures.resize)
    digests = pictures.split.digests
    with clock.time("features"):
        store.fill(pictures.pixels, digests, engine, Views(), partial(watch, "compute features"))
    return Features(probe, store, digests)


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
