"""The frozen network's outputs for a dataset, and heads that are cross-validated on them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.backend.memory import release_freed
from tlearn.data.dataset import Dataset
from tlearn.data.split import Fold
from tlearn.data.targets import CLASSES
from tlearn.features.extractor import EMBEDDING, SOURCE, FeatureExtractor
from tlearn.features.head import CrossValidation, LinearHead
from tlearn.features.linear_head import (
    SOLVER_VERSION,
    cross_validate,
    held_out_probabilities,
    solve_head,
)
from tlearn.features.rows_on_disk import MOST_BYTES_IN_MEMORY, RowsOnDisk
from tlearn.features.store import EngineFactory, FeatureStore, Views, extractor_store
from tlearn.features.target_head import cross_validate_targets, solve_targets
from tlearn.progress import ProgressCallback, Timer
from tlearn.storage.atomic import CACHE_HINT, write_atomic
from tlearn.storage.lease import scratch_folder


@dataclass(frozen=True, eq=False)
class HeadProblem:
    """A head to be solved.

    Attributes:
        stages: Numbers from 1 of the stages whose features it reads.
        keys: (n,) keys of the stored views it is solved on.
        labels: (n,) class indices, or (n, outputs) targets of another task.
        n_classes: Number of classes.
        class_weights: Whether rows are weighted so that every class counts the same.
        task: What is learned.
        log: Whether it is the logarithm of a number.
        ordered: Whether each class is like those beside it.
    """

    stages: Sequence[int]
    keys: Sequence[str]
    labels: np.ndarray
    n_classes: int
    class_weights: bool = False
    task: str = CLASSES
    log: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class Features:
    """The frozen network's outputs for the images of a dataset; rows are read from disk on demand.

    Attributes:
        extractor: The network and its outputs.
        store: Rows of all its outputs, side by side.
        digests: Digests of the images, in the order of the split.
        engine: Opens the network, given images that it will run.
    """

    extractor: FeatureExtractor
    store: FeatureStore
    digests: Sequence[str]
    engine: EngineFactory

    def of(self, output: str, indices: np.ndarray) -> np.ndarray:
        """Return one output of some images: (len(indices), width)."""
        return self.read([output], [self.digests[index] for index in indices])

    def read(self, outputs: Sequence[str], keys: Sequence[str]) -> np.ndarray:
        """Read outputs of stored views, side by side.

        Args:
            outputs: Names of outputs of the extractor.
            keys: Keys of the views, from `Views.key`.

        Returns:
            (len(keys), sum of the outputs' widths).
        """
        ends = np.cumsum(self.widths(outputs))
        rows = np.empty((len(keys), ends[-1]), self.store.table.dtype)
        for output, end in zip(outputs, ends, strict=True):
            columns = self.extractor.columns(output)
            assert columns is not None, output
            width = columns.stop - columns.start
            self.store.table.read(keys, columns, rows[:, end - width : end])
        return rows

    def widths(self, outputs: Sequence[str]) -> list[int]:
        """Return the width of each output."""
        widths = dict(self.extractor.outputs)
        return [widths[output] for output in outputs]

    def embeddings(self, indices: np.ndarray) -> np.ndarray:
        """Return the pooled features of the last stage: (len(indices), width)."""
        return self.of(EMBEDDING, indices)

    def source_probabilities(self, indices: np.ndarray) -> np.ndarray | None:
        """Return probabilities of the source classes, or None if the weights have none."""
        return self.of(SOURCE, indices) if self.extractor.columns(SOURCE) else None

    @property
    def stage_outputs(self) -> list[str]:
        """Return the names of the outputs that are features of a stage, from input to output."""
        return self.extractor.stage_outputs

    def outputs_of(self, stages: Sequence[int]) -> list[str]:
        """Return the names of the outputs of some stages, numbered from 1."""
        return self.extractor.outputs_of(stages)

    def store_views(self, dataset: Dataset, views: Views, progress: ProgressCallback) -> list[str]:
        """Compute the features of every view of the training images that are not stored yet.

        Returns:
            Their keys: all images of the first view, then all of the second, and so on.
        """
        digests = dataset.digests("train")
        step = partial(progress, "compute augmented views")
        self.store.fill(dataset.pixels, digests, self.engine, views, step)
        return [views.key(digest, view) for view in range(views.count) for digest in digests]

    def cross_validate(self, problem: HeadProblem, folds: Sequence[Fold]) -> CrossValidation:
        """Cross-validate a solved head; the result is stored beside the features.

        Args:
            problem: What the head reads and predicts.
            folds: Pairs of row indices (to solve on, held out); rows in neither are not read.
        """
        outputs = self.outputs_of(problem.stages)
        settings = f"{'+'.join(outputs)}/{problem.n_classes}/{problem.class_weights}"
        if problem.task != CLASSES:
            settings += f"/{problem.task}/{problem.log}"
        settings += "/ordered" * problem.ordered
        arrays = [problem.labels, *(rows for fold in folds for rows in fold)]
        digest = hashlib.sha256(settings.encode() + " ".join(problem.keys).encode())
        for array in arrays:
            digest.update(array.tobytes())
        path = self.store.table.folder / "heads" / f"{digest.hexdigest()}-v{SOLVER_VERSION}.npz"
        stored = CrossValidation.read(path)
        if stored:
            return stored
        used, folds = _renumber(folds)
        read = self.read(outputs, [problem.keys[row] for row in used])
        if problem.task == CLASSES:
            labels, n, ordered = problem.labels[used], problem.n_classes, problem.ordered
            validate = partial(cross_validate, read, labels, n, ordered=ordered)
        else:
            targets, task = problem.labels[used], problem.task
            validate = partial(cross_validate_targets, read, targets, task, log=problem.log)
        weighted, blocks = problem.class_weights, self.widths(outputs)
        cv = validate(folds, class_weights=weighted, in_place=True, blocks=blocks)
        write_atomic(path, cv.write, CACHE_HINT)
        return cv

    def held_out(
        self, problem: HeadProblem, folds: Sequence[Fold], penalty: float
    ) -> list[np.ndarray]:
        """Predict the rows that each fold holds out, with heads solved at one penalty.

        Args:
            problem: What the heads read and predict.
            folds: Pairs of row indices (to solve on, held out).
            penalty: L2 strength.

        Returns:
            For each fold, (rows held out, n_classes).
        """
        outputs = self.outputs_of(problem.stages)
        if problem.task != CLASSES:
            return [self._answers_after(problem, *fold, penalty) for fold in folds]
        used, folds = _renumber(folds)
        return held_out_probabilities(
            self.read(outputs, [problem.keys[row] for row in used]),
            problem.labels[used],
            problem.n_classes,
            folds,
            penalty,
            class_weights=problem.class_weights,
            ordered=problem.ordered,
            in_place=True,
            blocks=self.widths(outputs),
        )

    def _answers_after(
        self, problem: HeadProblem, rows: np.ndarray, held_out: np.ndarray, penalty: float
    ) -> np.ndarray:
        keys = [problem.keys[row] for row in rows]
        head = self.solve(replace(problem, keys=keys, labels=problem.labels[rows]), penalty)
        asked = [problem.keys[row] for row in held_out]
        return head.probabilities(self.read(self.outputs_of(problem.stages), asked))

    def solve(self, problem: HeadProblem, penalty: float) -> LinearHead:
        """Solve the head on all rows, at one penalty; rows that are too many stay on disk."""
        outputs = self.outputs_of(problem.stages)
        shape = len(problem.keys), sum(self.widths(outputs))
        if 4 * shape[0] * shape[1] <= MOST_BYTES_IN_MEMORY:
            return self._solve(problem, penalty, self.read(outputs, problem.keys))
        with scratch_folder(self.store.table.folder) as scratch:
            blocks = RowsOnDisk(
                scratch / "rows",
                shape,
                lambda start, end: self.read(outputs, problem.keys[start:end]),
            )
            return self._solve(problem, penalty, blocks)

    def _solve(
        self, problem: HeadProblem, penalty: float, rows: np.ndarray | RowsOnDisk
    ) -> LinearHead:
        if problem.task == CLASSES:
            labels, n, ordered = problem.labels, problem.n_classes, problem.ordered
            solve = partial(solve_head, rows, labels, n, penalty, ordered=ordered)
        else:
            task, log = problem.task, problem.log
            solve = partial(solve_targets, rows, problem.labels, task, penalty, log=log)
        weighted, blocks = problem.class_weights, self.widths(self.outputs_of(problem.stages))
        return solve(class_weights=weighted, in_place=True, blocks=blocks)


def cross_validate_joined(
    features: Sequence[Features], problems: Sequence[HeadProblem], folds: Sequence[Fold]
) -> CrossValidation:
    """Cross-validate a solved head on the features of several networks side by side.

    Args:
        features: Of the same images.
        problems: What the head reads of each.
        folds: Pairs of row indices (to solve on, held out).
    """
    used, folds = _renumber(folds)
    rows, blocks = [], list[int]()
    for network, problem in zip(features, problems, strict=True):
        outputs = network.outputs_of(problem.stages)
        rows.append(network.read(outputs, [problem.keys[row] for row in used]))
        blocks += network.widths(outputs)
    return cross_validate(
        np.hstack(rows),
        problem.labels[used],
        problem.n_classes,
        folds,
        class_weights=problem.class_weights,
        ordered=problem.ordered,
        in_place=True,
        blocks=blocks,
    )


def _renumber(folds: Sequence[Fold]) -> tuple[np.ndarray, list[Fold]]:
    """Return the rows that any fold names, and the folds as positions among them."""
    used = np.unique(np.concatenate([rows for fold in folds for rows in fold]))
    return used, [(np.searchsorted(used, a), np.searchsorted(used, b)) for a, b in folds]


def compute_features(
    dataset: Dataset,
    extractor: FeatureExtractor,
    cache: Path,
    engine: EngineFactory,
    progress: ProgressCallback,
    timer: Timer,
) -> Features:
    """Compute every output of the extractor for every image of a dataset that is not stored yet.

    Args:
        dataset: Pixels and split, and strangers.
        extractor: The network.
        cache: The cache folder, where features are stored.
        engine: Opens the network.
        progress: Called with (step, done, total).
        timer: Times the step.
    """
    store = extractor_store(cache, extractor, dataset.pixels.rule)
    digests = dataset.manifest.digests
    with timer.time("features"):
        step = partial(progress, "compute features")
        store.fill(dataset.pixels, digests, engine, Views(), step)
        if others := dataset.strangers:
            store.fill(others.pixels, [*others.taught, *others.tested], engine, Views(), step)
    release_freed()
    return Features(extractor, store, digests, engine)
