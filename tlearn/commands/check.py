"""`tlearn check`: verify an exported file against its contract, without the run it came from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tlearn.artifacts.contract import Contract
from tlearn.artifacts.runtime import Runtime, open_runtime
from tlearn.artifacts.verification import VerificationReport, check_artifact
from tlearn.data.decode import UnreadableImageError, decode
from tlearn.data.image_folder import SPLIT_NAMES, list_images
from tlearn.data.labeled import labeled_images
from tlearn.data.pixel_store import bounded_map
from tlearn.errors import DataError, quoted
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predictions import Prediction
from tlearn.progress import ProgressCallback, no_progress

Verified = tuple[VerificationReport, Report | list[Prediction] | None]
"""An artifact checked against its contract, and its score or answers on images."""


def check(
    artifact: Path, images: Path | None = None, *, progress: ProgressCallback = no_progress
) -> Verified:
    """Verify an exported file against its contract, on any machine that has its runtime.

    Args:
        artifact: The file, or the directory of a SavedModel.
        images: Images to classify besides; see `classify`.
        progress: Called with (step, done, total).

    Returns:
        The result of each check, and the score or the answers on `images`, unless the file is
        not usable.

    Raises:
        TlearnError: There is no such artifact, no contract, or no image.
    """
    progress("verify the file", 0, 0)
    report = check_artifact(artifact)
    if images is None or not report.usable:
        return report, None
    return report, classify(open_runtime(artifact), report.contract, images, progress)


def classify(
    runtime: Runtime, contract: Contract, source: Path, progress: ProgressCallback
) -> Report | list[Prediction]:
    """Score an artifact on a folder of classes, or classify loose images.

    Args:
        runtime: The artifact.
        contract: How images are prepared.
        source: A folder with subfolders that bear the artifact's labels, or a CSV of path and
            label: it is scored. Any other folder, or an image: it is classified.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no image, or a class that the artifact does not know.
    """
    if not _has_classes(source, contract.labels):
        paths = list_images([source])
        return [
            Prediction.unreadable(str(path), answer)
            if isinstance(answer, str)
            else Prediction.of(str(path), answer, contract.labels)
            for path, answer in zip(
                paths, _answers(runtime, contract, paths, progress), strict=True
            )
        ]
    images = labeled_images(source, contract.labels)
    answers = _answers(runtime, contract, [path for path, _ in images], progress)
    readable = [
        (answer, label)
        for answer, (_, label) in zip(answers, images, strict=True)
        if not isinstance(answer, str)
    ]
    if not readable:
        raise DataError(f"no image in {quoted(source)} can be read", "name another folder")
    probabilities, labels = zip(*readable, strict=True)
    name = source.resolve().name  # "." has none
    return score(np.stack(probabilities), np.asarray(labels), contract.labels, name)


def _has_classes(source: Path, labels: Sequence[str]) -> bool:
    if not source.is_dir():
        return source.suffix.lower() in (".csv", ".tsv")
    folders = {child.name for child in source.iterdir() if child.is_dir()}
    return bool(folders & {*labels}) or any(name.lower() in SPLIT_NAMES for name in folders)


def _answers(
    runtime: Runtime, contract: Contract, paths: Sequence[Path], progress: ProgressCallback
) -> Iterator[np.ndarray | str]:
    """Yield probabilities (classes,) for each image, or why it cannot be read."""
    preprocessing = contract.preprocessing

    def read(path: Path) -> np.ndarray | str:
        try:
            return decode(path, preprocessing.image_size, preprocessing.resize)
        except UnreadableImageError as error:
            return str(error)

    for done, pixels in enumerate(bounded_map(read, paths), start=1):
        yield pixels if isinstance(pixels, str) else runtime(pixels)
        progress("classify", done, len(paths))
