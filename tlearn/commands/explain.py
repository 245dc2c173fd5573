"""`tlearn explain`: where a run's model looks, image by image, and a test of each map."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlearn.confidence.answers import PROBABILITIES
from tlearn.data.image_folder import list_images
from tlearn.data.targets import ensure_classes
from tlearn.errors import DataError, quoted
from tlearn.evaluation.examples import pick_examples
from tlearn.evaluation.explain_maps import PASSES, Classifier, explain_image
from tlearn.evaluation.explain_overlay import draw_map
from tlearn.evaluation.explain_page import write_explain_page
from tlearn.evaluation.predictions_file import SplitPredictions
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import answer, open_network
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import ensure_writable, write_atomic

PAGE = "explain.html"

_MOST_ERRORS = 12
"""Confident errors that are explained where no image was named."""


@dataclass(frozen=True)
class ImageMap:
    """Where the model looks in one image.

    Attributes:
        path: The image.
        map: The PNG with the map drawn over the image; null where the image cannot be read.
        label: The answer, which the map explains; null where the image cannot be read.
        probability: Of the answer.
        drop_warm: By how much the answer's probability falls when the warmest tenth of the pixels
            is blurred.
        drop_random: The same for a random tenth of the same shape, mean of four places.
        truth: The true class; null where it is not known.
        problem: Why the image cannot be read; null where it can.
    """

    path: str
    map: str | None = None
    label: str | None = None
    probability: float | None = None
    drop_warm: float | None = None
    drop_random: float | None = None
    truth: str | None = None
    problem: str | None = None

    @property
    def confirmed(self) -> bool:
        """Return whether there is a map whose warm tenth costs more than a random one."""
        return self.drop_warm is not None and self.drop_warm > (self.drop_random or 0)


@dataclass(frozen=True)
class ExplainResult:
    """The maps of some images and the page that shows them.

    Attributes:
        run: The run that answered.
        maps: One for each image.
        page: The page; None where no image could be read.
    """

    run: Path
    maps: Sequence[ImageMap]
    page: Path | None


@dataclass(frozen=True, eq=False)
class _Image:
    """An image to explain: its pixels, or why it has none."""

    path: str
    pixels: np.ndarray | None
    truth: str | None = None
    problem: str | None = None


@dataclass(frozen=True, eq=False)
class _Card:
    """What the page shows of a map."""

    record: ImageMap
    pixels: np.ndarray
    drawn: np.ndarray

    @property
    def name(self) -> str:
        """Return the end of the path: a page is shown to others."""
        return "/".join(Path(self.record.path).parts[-2:])


def explain(
    run: Path | None,
    sources: Sequence[Path] = (),
    *,
    out: Path | None = None,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> ExplainResult:
    """Draw where the model looks, and measure what each map is worth.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Images, or folders to search. Without any, the run's most confident errors on
            images it had not seen, and one right answer of each class.
        out: A new or empty folder for the page and the maps; by default one under `explain/`.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used, or the folder holds something.
    """
    paths = list_images(sources) if sources else []
    trained = TrainedRun.open(run, data, progress)
    ensure_classes(trained.plan.task, "tlearn explain")
    folder = new_folder(out, trained.directory.path)
    images = _named(trained, paths) if paths else _telling(trained)
    classify = open_answer(trained)
    maps: list[ImageMap] = []
    cards: list[_Card] = []
    for number, image in enumerate(images):
        progress("explain", number, len(images))
        if image.pixels is None:
            maps.append(ImageMap(image.path, problem=image.problem))
            continue
        card = _explained(trained, classify, image, folder / _file_name(number, image.path))
        cards.append(card)
        maps.append(card.record)
    if cards:
        write_explain_page(folder / PAGE, "maps.html.j2", _values(trained, cards))
    return ExplainResult(trained.directory.path, maps, folder / PAGE if cards else None)


def open_answer(trained: TrainedRun) -> Classifier:
    """Return the probabilities of a run's model as a function of images.

    Raises:
        RunError: The model cannot be loaded.
    """
    network = open_network(trained, PASSES)  # few maps would not repay loading an accelerator
    return lambda images: network.run(images, (PROBABILITIES,))[PROBABILITIES]


def new_folder(out: Path | None, run: Path) -> Path:
    """Return a folder that holds nothing yet; nothing is made there.

    Args:
        out: The one that was asked for; None takes a free name under `explain/`.
        run: Gives that name.

    Raises:
        DataError: The folder that was asked for holds something.
        HostError: It cannot be written.
    """
    name = run.resolve().name
    folder = out or next(
        path
        for number in count(1)
        if not (path := Path("explain", name if number == 1 else f"{name}-{number}")).exists()
    )
    ensure_writable(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(
            f"{quoted(folder)} holds files, and nothing is replaced",
            "name a new folder, or leave the flag out: --out FOLDER",
        )
    return folder


def _named(trained: TrainedRun, paths: Sequence[Path]) -> list[_Image]:
    """Return the images that the person named."""
    pixels, problems = trained.read_files(paths)
    readable = iter(range(len(pixels)))
    return [
        _Image(str(path), None, problem=problem)
        if problem
        else _Image(str(path), np.asarray(pixels[next(readable)]))
        for path, problem in zip(paths, problems, strict=True)
    ]


def _telling(trained: TrainedRun) -> list[_Image]:
    """Return the most confident errors of a run, and one right answer of each class."""
    split = trained.manifest.report_split
    images = trained.read_split(split)
    names = [trained.manifest.names[row] for row in trained.manifest.indices(split)]
    probabilities = answer(trained, images.pixels).probabilities
    said = SplitPredictions(split, trained.labels, names, images.labels, probabilities)
    examples = pick_examples(said, images.pixels)
    right = {example.truth: example for example in reversed(examples.right)}
    chosen = [*examples.errors[:_MOST_ERRORS], *right.values()]
    return [_Image(str(trained.folder / x.name), x.pixels, x.truth) for x in chosen]


def _explained(trained: TrainedRun, classify: Classifier, image: _Image, file: Path) -> _Card:
    """Explain an image and write its map."""
    assert image.pixels is not None
    found = explain_image(classify, image.pixels, trained.plan.seed)
    drawn = draw_map(image.pixels, found.warmth)
    write_atomic(file, lambda path: Image.fromarray(drawn).save(path, "PNG"))
    record = ImageMap(
        image.path,
        str(file),
        trained.labels[found.answer],
        float(found.probabilities[found.answer]),
        found.drop_warm,
        found.drop_random,
        image.truth,
    )
    return _Card(record, image.pixels, drawn)


def _file_name(number: int, path: str) -> str:
    """Return a name for a map that two images of one name do not share."""
    stem = re.sub(r"[^\w.-]+", "_", Path(path).stem)[:60]
    return f"{number + 1:03}_{stem}.png"


def _values(trained: TrainedRun, cards: Sequence[_Card]) -> dict[str, Any]:
    """Return what the page shows."""
    unknown = [card for card in cards if card.record.truth is None]
    wrong = [card for card in cards if card.record.truth not in (None, card.record.label)]
    right = [card for card in cards if card.record.truth == card.record.label]
    return {
        "title": trained.directory.path.resolve().name,
        "cards": cards,
        "n_confirmed": sum(card.record.confirmed for card in cards),
        "groups": [
            ("Maps", unknown),
            ("The most confident errors", wrong),
            ("A right answer of each class", right),
        ],
    }
