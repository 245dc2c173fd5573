"""`tlearn embed`: what a run's network makes of images, and which of them are alike."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tlearn.artifacts.files import artifact_digest
from tlearn.data.image_folder import ImageFolder, LabeledImage, list_images, scan
from tlearn.data.targets import LABELS
from tlearn.errors import DataError, quoted
from tlearn.evaluation.embeddings import Embeddings, check_format, write_embeddings
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs import answering
from tlearn.runs.trained_run import TrainedRun


@dataclass(frozen=True)
class Neighbor:
    """An image that is like another one.

    Attributes:
        path: Its file.
        label: Its class; None where the images have none.
        similarity: Cosine of the two embeddings, at most 1.
    """

    path: str
    label: str | None
    similarity: float


@dataclass(frozen=True, eq=False)
class EmbedResult:
    """Embeddings of images.

    Attributes:
        embeddings: Of those that can be read.
        problems: Path of each of the others to why it cannot.
        similar: The images most like the one that was named, best first.
        n_left_out: Images of a folder with classes that are in none of them.
    """

    embeddings: Embeddings
    problems: Mapping[str, str]
    similar: tuple[Neighbor, ...] = ()
    n_left_out: int = 0


def embed(
    run: Path | None,
    sources: Sequence[Path],
    *,
    out: Path | None = None,
    similar: Path | None = None,
    top: int = 5,
    progress: ProgressCallback = no_progress,
) -> EmbedResult:
    """Compute what the head of a run's model reads of images.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search; a lone folder with classes gives labels too.
        out: A .npz, .parquet or .csv file to write.
        similar: An image whose neighbors are wanted.
        top: How many of them.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used, or the file not be written.
    """
    if out:
        check_format(out)
    paths, labels, n_left_out = _find(sources)
    query = list_images([similar]) if similar else []
    if len(query) > 1:
        raise DataError(f"{quoted(query[0].parent)} is a folder", "name one image: --similar IMAGE")
    trained = TrainedRun.open(run, progress=progress)
    pixels, problems = trained.read_files([*paths, *query])
    if query and problems[-1]:
        raise DataError(
            f"{quoted(query[0])} cannot be read: {problems[-1]}", "name another: --similar IMAGE"
        )
    unread = {str(path): why for path, why in zip(paths, problems, strict=False) if why}
    if len(unread) == len(paths):
        first = next(iter(unread))
        raise DataError(
            f"no image can be read: {quoted(first)} is {unread[first]}",
            "name other images: tlearn embed IMAGES",
        )
    vectors = answering.embed(trained, pixels)
    kept = [row for row, path in enumerate(paths) if str(path) not in unread]
    embeddings = Embeddings(
        vectors[: len(kept)],
        tuple(str(paths[row]) for row in kept),
        tuple(labels[row] for row in kept) if labels else (),
        artifact_digest(trained.directory.model_path),
    )
    if out:
        write_embeddings(out, embeddings)
    found = _neighbors(embeddings, query[0], vectors[-1], top) if query else ()
    return EmbedResult(embeddings, unread, found, n_left_out)


def _find(sources: Sequence[Path]) -> tuple[list[Path], list[str], int]:
    """Return the images, their classes where they have some, and how many others are left out."""
    if len(sources) == 1:
        with suppress(DataError):  # no folder of classes: then images without a label
            folder = scan(sources[0])
            paths = [image.path for image in folder.images]
            others = {*list_images([folder.root])} - {*paths} if folder.layout != "csv" else ()
            return paths, [_label(folder, image) for image in folder.images], len(others)
    return list_images(sources), [], 0


def _label(folder: ImageFolder, image: LabeledImage) -> str:
    """Return the class of an image, or what else a table says of it."""
    if folder.task == LABELS:
        pairs = zip(folder.outputs, image.target, strict=True)
        return "|".join(name for name, has in pairs if has == 1)
    return f"{image.target[0]:g}" if image.target else folder.classes[image.label]


def _neighbors(
    embeddings: Embeddings, query: Path, vector: np.ndarray, top: int
) -> tuple[Neighbor, ...]:
    """Return the nearest images; the one that is asked about is not its own neighbor."""
    itself = os.path.realpath(query)
    found = [
        Neighbor(path, embeddings.labels[row] if embeddings.labels else None, similarity)
        for row, similarity in embeddings.nearest(vector, top + 1)
        if os.path.realpath(path := embeddings.paths[row]) != itself
    ]
    return tuple(found[:top])
