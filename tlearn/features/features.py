"""What the frozen network says of a dataset, made once."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.data.dataset import Dataset
from tlearn.data.split import Fold
from tlearn.features.extractor import EMBEDDING, SOURCE, FeatureExtractor
from tlearn.features.linear_head import (
    SOLVER_VERSION,
    CrossValidation,
    cross_validate,
    held_out_probabilities,
)
from tlearn.features.store import EngineFactory, FeatureStore, Views, extractor_store
from tlearn.progress import ProgressCallback, Timer
from tlearn.storage.atomic import CACHE_HINT, write_atomic


@dataclass(frozen=True)
class Features:
    """What the frozen network says of pictures; read from disk where asked for.

    Attributes:
        extractor: The network and its outputs.
        store: Rows of all its outputs, end to end.
        digests: Pictures, in the order of the split.
    """

    extractor: FeatureExtractor
    store: FeatureStore
    digests: Sequence[str]

    def of(self, output: str, indices: np.ndarray) -> np.ndarray:
        """One output of chosen pictures: (len(indices), width)."""
        return self.read([output], [self.digests[index] for index in indices])

    def read(self, outputs: Sequence[str], keys: Sequence[str]) -> np.ndarray:
        """Outputs of stored views, side by side: (len(keys), their widths together)."""
        found = []
        for output in outputs:
            columns = self.extractor.columns(output)
            assert columns is not None, output
            found.append(self.store.table.read(keys, columns))
        return found[0] if len(found) == 1 else np.concatenate(found, axis=1)

    def widths(self, outputs: Sequence[str]) -> list[int]:
        """Numbers in each output."""
        known = dict(self.extractor.outputs)
        return [known[output] for output in outputs]

    def embeddings(self, indices: np.ndarray) -> np.ndarray:
        """Pooled features of the last stage."""
        return self.of(EMBEDDING, indices)

    def source(self, indices: np.ndarray) -> np.ndarray | None:
        """Source-class probabilities, or None when the weights have no classification layer."""
        return self.of(SOURCE, indices) if self.extractor.columns(SOURCE) else None

    @property
    def stage_outputs(self) -> list[str]:
        """Names of the pooled features of every stage, input to output."""
        return [name for name, _ in self.extractor.outputs if name != SOURCE]

    def outputs_of(self, stages: Sequence[int]) -> list[str]:
        """Those of some stages, numbered from 1."""
        return [self.stage_outputs[number - 1] for number in stages]

    def store_views(
        self, dataset: Dataset, views: Views, engine: EngineFactory, progress: ProgressCallback
    ) -> list[str]:
        """Compute the features of every view of the training images that are not stored yet.

        Returns:
            Their keys: all images of the first view, then all of the second, and so on.
        """
        digests = dataset.digests("train")
        step = partial(progress, "compute augmented views")
        self.store.fill(dataset.pixels, digests, engine, views, step)
        return [views.key(digest, view) for view in range(views.count) for digest in digests]

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
        write_atomic(path, found.write, CACHE_HINT)
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


def compute_features(
    dataset: Dataset,
    extractor: FeatureExtractor,
    cache: Path,
    engine: EngineFactory,
    progress: ProgressCallback,
    timer: Timer,
) -> Features:
    """Every output of the probe for every picture of the split; only what is missing is run.

    Args:
        dataset: Pixels and split.
        extractor: The network.
        cache: Where features are kept.
        engine: Opens the network.
        progress: Called with (step, done, total).
        timer: Times the steps.
    """
    store = extractor_store(cache, extractor, dataset.resize)
    digests = dataset.manifest.digests
    with timer.time("features"):
        store.fill(dataset.pixels, digests, engine, Views(), partial(progress, "compute features"))
    return Features(extractor, store, digests)
