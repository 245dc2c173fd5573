"""Images as points: near each other where the network finds them alike, errors marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tlearn.commands.explain import PAGE, new_folder
from tlearn.commands.judged import judge
from tlearn.commands.session import Session
from tlearn.confidence.answers import PROBABILITIES
from tlearn.data.sampling import stratified
from tlearn.data.targets import ensure_classes
from tlearn.evaluation.explain_page import write_explain_page
from tlearn.evaluation.explain_points import Placed, place_points
from tlearn.features.extractor import EMBEDDING
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import open_network
from tlearn.runs.directory import ensure_no_run
from tlearn.runs.trained_run import TrainedRun

MOST_POINTS = 400
"""Images on the page; each brings its thumbnail."""


@dataclass(frozen=True, eq=False)
class FolderPage:
    """The page with a folder's images as points.

    Attributes:
        source: The run or the folder.
        page: The page.
        n_images: Images there are.
        n_points: Images that were drawn.
        n_errors: Drawn images whose answer is wrong.
        explained: Share of the variance of embeddings that the two axes of the first view show.
    """

    source: Path
    page: Path
    n_images: int
    n_points: int
    n_errors: int
    explained: float

    def to_json(self) -> dict[str, Any]:
        """Return the document."""
        return vars(self) | {"source": str(self.source), "page": str(self.page)}

    def in_words(self) -> dict[str, str]:
        """Return what was drawn."""
        drawn = f"{self.n_points:,} of {self.n_images:,} images, {self.n_errors:,} of them errors"
        return {"drawn": drawn}


@dataclass(frozen=True, eq=False)
class _Cloud:
    """Images to draw.

    Attributes:
        title: Of the page.
        answered_by: Where the answers are from, for the page.
        classes: Names of the classes.
        pixels: (n, side, side, 3).
        names: (n,) what the images are called.
        labels: (n,) true classes.
        embeddings: (n, d).
        probabilities: (n, classes) from models that had not seen the image.
        n_images: Images there are, of which these are a sample.
    """

    title: str
    answered_by: str
    classes: Sequence[str]
    pixels: np.ndarray
    names: Sequence[str]
    labels: np.ndarray
    embeddings: np.ndarray
    probabilities: np.ndarray
    n_images: int


def explain_folder(
    run: Path | None = None,
    folder: Path | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
    out: Path | None = None,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> FolderPage:
    """Draw images as points, near each other where the network finds them alike.

    Args:
        run: A run, whose held-out images are drawn as its own network sees them; None takes the
            newest under runs/.
        folder: An image folder instead, as the backbone sees it before any training. Its answers
            are from heads that were cross-validated on it.
        flags: Recipe keys set by flags, for a folder.
        out: A new or empty folder for the page; by default one under `explain/`.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the folder cannot be used, or `out` holds something.
    """
    if folder is not None:
        ensure_no_run(folder)
        target, source = new_folder(out, folder), folder
        cloud = _of_folder(folder, flags or {}, progress)
    else:
        trained = TrainedRun.open(run, data, progress)
        ensure_classes(trained.plan.task, "--folder")
        source = trained.directory.path
        target = new_folder(out, source)
        cloud = _of_run(trained)
    progress("draw", 0, 0)
    placed = place_points(cloud.embeddings)
    values = _values(cloud, placed)
    write_explain_page(target / PAGE, "folder.html.j2", values)
    counts = cloud.n_images, len(cloud.labels), values["n_errors"]
    return FolderPage(source, target / PAGE, *counts, placed.explained)


def _of_run(trained: TrainedRun) -> _Cloud:
    """Return held-out images as the run's own network sees them."""
    split = trained.manifest.report_split
    images = trained.read_split(split)
    rows = stratified(images.labels, MOST_POINTS, trained.plan.seed)
    pixels = np.asarray(images.pixels[rows])
    progress = partial(trained.progress, "predict")
    outputs = open_network(trained, len(pixels)).run(pixels, (EMBEDDING, PROBABILITIES), progress)
    names = [trained.manifest.names[row] for row in trained.manifest.indices(split)[rows]]
    return _Cloud(
        trained.directory.path.resolve().name,
        "the run's model, which had not seen them",
        trained.labels,
        pixels,
        names,
        images.labels[rows],
        outputs[EMBEDDING],
        outputs[PROBABILITIES],
        len(images.labels),
    )


def _of_folder(folder: Path, flags: Mapping[str, Any], progress: ProgressCallback) -> _Cloud:
    """Return a sample of a folder as the backbone sees it before any training."""
    with Session(folder, None, flags, progress=progress) as session:
        workspace = session.extract_features(session.open_workspace())
        features, manifest = workspace.features, workspace.dataset.manifest
        assert features is not None
        progress("measure heads", 0, 0)
        judged = next(judge(session, workspace))
        chosen = stratified(manifest.labels[judged.rows], MOST_POINTS, session.seed)
        rows, best = judged.rows[chosen], judged.best
        digests = [manifest.digests[row] for row in rows]
        return _Cloud(
            folder.resolve().name,
            f"heads on {workspace.backbone.name} that were solved without them",
            manifest.classes,
            np.asarray(workspace.dataset.pixels.read(digests)),
            [manifest.names[row] for row in rows],
            manifest.labels[rows],
            features.read(features.outputs_of(best.stages), digests),
            best.cv.probabilities[chosen],
            len(manifest.labels),
        )


def _values(cloud: _Cloud, placed: Placed) -> dict[str, Any]:
    """Return what the page shows; points stand class by class, from left to right."""
    answers, views = cloud.probabilities.argmax(axis=1), placed.views
    wrong = answers != cloud.labels
    first = next(iter(views.values()))
    order = np.lexsort((first[:, 0], cloud.labels))
    points = [
        {
            "at": [view[row].tolist() for view in views.values()],
            "label": int(cloud.labels[row]),
            "answer": cloud.classes[answers[row]],
            "probability": float(cloud.probabilities[row, answers[row]]),
            "wrong": bool(wrong[row]),
            "name": cloud.names[row],
            "pixels": cloud.pixels[row],
        }
        for row in order
    ]
    return {
        "title": cloud.title,
        "answered_by": cloud.answered_by,
        "classes": cloud.classes,
        "points": points,
        "views": list(views),
        "n_images": cloud.n_images,
        "n_errors": int(wrong.sum()),
        "explained": placed.explained,
    }
