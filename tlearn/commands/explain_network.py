"""What a run's network computes for one image, and what its classes look like, as one page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tlearn.commands.explain import PAGE, new_folder
from tlearn.data.image_folder import list_images
from tlearn.data.sampling import stratified
from tlearn.data.targets import ensure_classes
from tlearn.errors import BackboneError, DataError, quoted
from tlearn.evaluation.explain_maps import lead
from tlearn.evaluation.explain_network import StageView, first_kernels, stage_views
from tlearn.evaluation.explain_page import write_explain_page
from tlearn.evaluation.predictions import answer_pixels, top_k
from tlearn.features.engine import LITERT
from tlearn.features.extractor import SOURCE, extractor_engines, open_extractor
from tlearn.models.catalog import find_backbone
from tlearn.models.source_classes import source_names
from tlearn.models.weights import find_weights
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.cache import open_cache
from tlearn.suggestion.similarity import nearest_classes

if TYPE_CHECKING:
    import keras

_MOST_TRAINING, _MOST_CLASSES, _TYPICAL = 240, 24, 4
"""Training images that are answered, classes on the page, and images of each."""


@dataclass(frozen=True, eq=False)
class ClassView:
    """What a class looks like to the network.

    Attributes:
        name: The class.
        images: The training images whose answer leads for this class most, with their true class.
        nearest: Source classes that its images resemble, with their mean probability.
    """

    name: str
    images: Sequence[tuple[np.ndarray, str]]
    nearest: Sequence[tuple[str, float]]


@dataclass(frozen=True, eq=False)
class NetworkPage:
    """The page about a network, and what it says of the stages.

    Attributes:
        run: The run whose network it is.
        image: The image.
        page: The page.
        stages: What each stage gives for the image.
    """

    run: Path
    image: Path
    page: Path
    stages: Sequence[StageView]

    def to_json(self) -> dict[str, Any]:
        """Return the document."""
        keys = ("name", "size", "channels", "sees")
        stages = [{key: getattr(stage, key) for key in keys} for stage in self.stages]
        return {
            "run": str(self.run),
            "image": str(self.image),
            "page": str(self.page),
            "stages": stages,
        }

    def in_words(self) -> dict[str, str]:
        """Return each stage in a line."""
        return {
            stage.name: f"{stage.channels:,} maps of {stage.size} x {stage.size}"
            + (f"; a position sees {stage.sees} pixels" if stage.sees else "")
            for stage in self.stages
        }


def explain_network(
    run: Path | None,
    image: Path,
    *,
    out: Path | None = None,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> NetworkPage:
    """Show what a network computes for an image: kernels, maps of its stages, its classes.

    Args:
        run: The run directory; None takes the newest under runs/.
        image: The image.
        out: A new or empty folder for the page; by default one under `explain/`.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the image cannot be used, or the folder holds something.
    """
    paths = list_images([image])
    if len(paths) > 1:
        raise DataError(
            f"{quoted(image)} holds {len(paths)} images, and --network shows one",
            "name one: tlearn explain --network IMAGE",
        )
    trained = TrainedRun.open(run, data, progress)
    ensure_classes(trained.plan.task, "--network")
    folder = new_folder(out, trained.directory.path)
    pixels, (problem,) = trained.read_files(paths)
    if problem:
        raise DataError(
            f"{quoted(image)} cannot be read: {problem}",
            "name another: tlearn explain --network IMAGE",
        )
    model = trained.load_model()
    progress("explain", 0, 0)
    shown = np.asarray(pixels[0])
    views = stage_views(model, shown)
    (answer,) = answer_pixels(model.predict_on_batch, pixels)
    values = {
        "title": f"{trained.plan.backbone.name}, {trained.directory.path.resolve().name}",
        "path": image.name,
        "image": shown,
        "top": top_k(answer.probabilities, trained.labels, 3, trained.plan.ordered),
        "side": len(shown),
        "kernels": first_kernels(model),
        "stages": views,
        "head_stages": trained.plan.head.stages,
        "classes": _classes(trained, model),
        "n_classes": len(trained.labels),
    }
    write_explain_page(folder / PAGE, "network.html.j2", values)
    return NetworkPage(trained.directory.path, image, folder / PAGE, views)


def _classes(trained: TrainedRun, model: keras.Model) -> list[ClassView]:
    """Return the classes as the network sees them; none where training images are gone."""
    try:
        images = trained.read_images_or_samples("train")
    except DataError:
        return []
    rows = stratified(images.labels, _MOST_TRAINING, trained.plan.seed)
    pixels, labels = np.asarray(images.pixels[rows]), images.labels[rows]
    probabilities = answer_pixels(model.predict_on_batch, pixels).probabilities
    nearest = _nearest(trained, pixels, labels)
    views = []
    for label, name in enumerate(trained.labels[:_MOST_CLASSES]):
        typical = np.argsort(-lead(probabilities, label), kind="stable")[:_TYPICAL]
        shown = [(pixels[row], trained.labels[labels[row]]) for row in typical]
        views.append(ClassView(name, shown, nearest.get(name, ())))
    return views


def _nearest(
    trained: TrainedRun, pixels: np.ndarray, labels: np.ndarray
) -> Mapping[str, Sequence[tuple[str, float]]]:
    """Return the source classes that each class resembles, where the backbone is in the cache."""
    backbone = trained.plan.backbone
    extractor = open_extractor(open_cache(), backbone.whole)
    width = dict(extractor.outputs).get(SOURCE) if extractor else None
    if not (extractor and width):
        return {}
    with suppress(BackboneError):  # its weights are gone, or it is a person's own
        spec = find_backbone(backbone.name)
        given = Path(backbone.weights) if backbone.weights else None
        names = source_names(find_weights(spec, given, download=False), width)
        if names:
            # LiteRT never asks for the backbone.
            engine = extractor_engines(extractor, trained.load_model, [SOURCE])[LITERT]()
            source = np.concatenate(list(engine.run([pixels])))
            return nearest_classes(source, labels, trained.labels, names)
    return {}
