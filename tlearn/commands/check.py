"""Ask an exported file about pictures, with nothing of the run that it came from."""

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
from tlearn.errors import DataError
from tlearn.evaluation.metrics import Report, score
from tlearn.evaluation.predictions import Prediction
from tlearn.progress import ProgressCallback, no_progress

Asked = tuple[VerificationReport, Report | list[Prediction] | None]
"""An artefact held to its contract, and what it made of pictures."""


def check(
    artifact: Path, images: Path | None = None, *, progress: ProgressCallback = no_progress
) -> Asked:
    """Hold an exported file to its contract, on any machine that has its runtime.

    Args:
        artifact: The file, or the directory of a SavedModel.
        images: Pictures to ask it about besides; see `ask`.
        progress: Called with (step, done, total).

    Returns:
        What became of its promises, and its score, or its answers, on `images`; a file that is
        not usable is not asked.

    Raises:
        TlearnError: There is no such artefact, no contract, or no picture.
    """
    progress("hold the file to its contract", 0, 0)
    checked = check_artifact(artifact)
    if images is None or not checked.usable:
        return checked, None
    return checked, ask(open_runtime(artifact), checked.contract, images, progress)


def ask(
    runtime: Runtime, contract: Contract, source: Path, progress: ProgressCallback
) -> Report | list[Prediction]:
    """Score an artefact on a folder of classes, or answer for loose pictures.

    Args:
        runtime: The artefact.
        contract: What it promises; pictures are prepared as it says.
        source: A folder with sub-folders that bear the artefact's labels, or a CSV of path and
            label: it is scored. Any other folder, or a picture: it answers.
        progress: Called with (step, done, total).

    Raises:
        DataError: There is no picture, or a class that the artefact does not know.
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
    read = [
        (answer, label)
        for answer, (_, label) in zip(answers, images, strict=True)
        if not isinstance(answer, str)
    ]
    if not read:
        raise DataError(f"no picture in {source} can be read", "name another folder")
    probabilities, labels = zip(*read, strict=True)
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
    """Probabilities (classes,) for each picture, or why it cannot be read."""
    how = contract.preprocessing

    def read(path: Path) -> np.ndarray | str:
        try:
            return decode(path, how.image_size, how.resize)
        except UnreadableImageError as error:
            return str(error)

    for done, pixels in enumerate(bounded_map(read, paths), start=1):
        yield pixels if isinstance(pixels, str) else runtime(pixels)
        progress("ask the file", done, len(paths))
