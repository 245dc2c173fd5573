"""What an artifact says of images: answers for loose ones, scores of labeled ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.artifacts.contract import Contract
from tlearn.artifacts.runtime import Runtime
from tlearn.confidence.answers import Answer, Answers
from tlearn.confidence.confidence import UNKNOWN
from tlearn.confidence.promises import PromisesKept, hold_promises
from tlearn.confidence.strangers import KnownShare, measure_known
from tlearn.data.csv_labels import is_number
from tlearn.data.good_images import is_good
from tlearn.data.groups import GUESSED, GroupRule
from tlearn.data.image_folder import list_images
from tlearn.data.labeled import labeled_folder, shared_by
from tlearn.data.local_source import is_table, local_source
from tlearn.data.manifest import SplitManifest
from tlearn.data.notes import composed
from tlearn.data.parts import split_of
from tlearn.data.pixel_store import PixelStore, store_pixels
from tlearn.data.targets import CLASSES, NUMBER, ONE_CLASS
from tlearn.errors import DataError, quoted
from tlearn.evaluation.positive_class import PositiveClass
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.scores import Scores, score_apart
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.evaluation.target_scores import TargetScores, score_targets_apart
from tlearn.progress import ProgressCallback
from tlearn.storage.cache import open_cache


def classify(
    runtime: Runtime, contract: Contract, source: Path, progress: ProgressCallback
) -> tuple[tuple[Prediction, ...], KnownShare | None]:
    """Classify loose images, and say how like the training images they are.

    Args:
        runtime: The artifact.
        contract: How images are prepared.
        source: An image, or a folder to search.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image.
    """
    paths = list_images([source])
    answers = [*_answers(runtime, _read(contract, paths, progress), progress)]
    confidence, refuse = contract.confidence or UNKNOWN, contract.refuse or 0.0
    labels, point = contract.labels, contract.operating_point
    predictions = tuple(
        Prediction.unreadable(str(path), answer)
        if isinstance(answer, str)
        else Prediction.of(str(path), answer, labels, confidence, refuse, point)
        for path, answer in zip(paths, answers, strict=True)
    )
    known = [image.known for image in predictions if image.known is not None]
    if not (known and confidence.known):
        return predictions, None
    return predictions, measure_known(np.array(known, np.float32), refuse, confidence.known)


def score_folder(
    runtime: Runtime,
    contract: Contract,
    source: Path,
    manifest: SplitManifest | None,
    progress: ProgressCallback,
) -> tuple[Scores, PromisesKept]:
    """Score an artifact on a folder of classes, and hold its promises against it.

    Args:
        runtime: The artifact.
        contract: How images are prepared.
        source: A folder with subfolders that bear the artifact's labels, or a CSV.
        manifest: What its model was trained on; None where that is not known here.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image, or a class that the artifact does not know.
    """
    images = labeled_folder(source, contract.labels).images
    store = _read(contract, [image.path for image in images], progress)
    readable = [
        (answer, image.label, info.sha256)
        for answer, image, info in zip(
            _answers(runtime, store, progress), images, store.infos, strict=True
        )
        if not isinstance(answer, str)
    ]
    if not readable:
        raise DataError(f"no image in {quoted(source)} can be read", "name another folder")
    given, labels, digests = zip(*readable, strict=True)
    answers, truth = Answers.of(given), np.asarray(labels)
    trained_on = manifest.trained_on(digests) if manifest else None
    name = source.resolve().name  # "." has none
    refuse, classes, point = contract.refuse or 0.0, contract.labels, contract.operating_point
    scores = score_apart(
        answers.probabilities,
        truth,
        classes,
        name,
        trained_on,
        positive=PositiveClass(point.positive, "given") if point else None,
        point=point,
        ordered=contract.ordered,
    )
    return scores, hold_promises(
        contract.confidence, answers, truth, trained_on, refuse, contract.shares, point, classes
    )


def answer_targets(
    runtime: Runtime, contract: Contract, source: Path, progress: ProgressCallback
) -> tuple[TargetPrediction, ...]:
    """Answer loose images with labels, a number, or how unlike good ones they are.

    Args:
        runtime: The artifact.
        contract: How images are prepared, and what is promised.
        source: An image, or a folder to search.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image.
    """
    paths = list_images([source])
    answers = _answers(runtime, _read(contract, paths, progress), progress)
    kept = contract.labels, contract.task or CLASSES, contract.confidence or UNKNOWN
    return tuple(
        TargetPrediction(str(path), {}, problem=answer)
        if isinstance(answer, str)
        else TargetPrediction.of(str(path), answer.probabilities, *kept)
        for path, answer in zip(paths, answers, strict=True)
    )


def score_targets_of(
    runtime: Runtime,
    contract: Contract,
    source: Path,
    manifest: SplitManifest | None,
    progress: ProgressCallback,
) -> TargetScores:
    """Score an artifact on images with labels or numbers, or on good and bad ones.

    The answer that is always the same comes from the training images where these are known, else
    from the images themselves.

    Args:
        runtime: The artifact.
        contract: How images are prepared, and what is promised.
        source: A table, or class folders.
        manifest: What its model was trained on; None where that is not known here.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image, or a label that the artifact does not know.
    """
    task = contract.task or CLASSES
    folder = labeled_folder(source, contract.labels, task)
    store = _read(contract, [image.path for image in folder.images], progress)
    answers = [*_answers(runtime, store, progress)]
    rows = [row for row, answer in enumerate(answers) if not isinstance(answer, str)]
    if not rows:
        raise DataError(f"no image in {quoted(source)} can be read", "name another folder")
    outputs = np.stack([answer.probabilities for answer in answers if not isinstance(answer, str)])
    targets = np.array([folder.images[row].target for row in rows])
    shared = shared_by(folder, store, GroupRule(GUESSED), partial(progress, "compare images"))
    learned, trained_on = targets, None
    if manifest and manifest.targets is not None:
        learned = manifest.targets[manifest.indices("train")]
        trained_on = manifest.trained_on([store.infos[row].sha256 for row in rows])
    return score_targets_apart(
        task,
        outputs,
        targets,
        contract.labels,
        source.resolve().name,
        learned,
        contract.confidence or UNKNOWN,
        shared.of(rows).groups,
        trained_on,
    )


def is_labeled(source: Path, contract: Contract) -> bool:
    """Return whether images can be scored: a table, or folders that are called what is answered."""
    source, _ = local_source(source, open_cache)
    if not source.is_dir():
        return is_table(source)
    folders = {composed(child.name) for child in source.iterdir() if child.is_dir()}
    known = {*map(composed, contract.labels)}
    answered = {NUMBER: is_number, ONE_CLASS: is_good}.get(contract.task or "", known.__contains__)
    return any(answered(name) or split_of(name) for name in folders)


def _read(contract: Contract, paths: Sequence[Path], progress: ProgressCallback) -> PixelStore:
    images, step = contract.preprocessing, partial(progress, "read images")
    return store_pixels(
        paths, images.image_size, images.resize, open_cache(), step, images.gray_range
    )


def _answers(
    runtime: Runtime, store: PixelStore, progress: ProgressCallback
) -> Iterator[Answer | str]:
    """Yield the answer for each image, or why it cannot be read."""
    for done, info in enumerate(store.infos, start=1):
        yield info.problem or runtime(store.read([info.sha256])[0])
        progress("classify", done, len(store.infos))
