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

from tlearn.commands.explained import (
    DOWN,
    Explained,
    Subject,
    column_of,
    drawn,
    explain_subject,
    named,
    telling,
)
from tlearn.data.image_folder import list_images
from tlearn.data.targets import CLASSES, NUMBER
from tlearn.errors import DataError, quoted
from tlearn.evaluation.explain_maps import PASSES
from tlearn.evaluation.explain_page import write_explain_page
from tlearn.evaluation.wording import percent
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import open_network
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import ensure_writable, write_atomic

PAGE = "explain.html"


@dataclass(frozen=True)
class ImageMap:
    """Where the model looks in one image.

    Attributes:
        path: The image.
        map: The PNG with the map drawn over the image; null where the image cannot be read.
        label: The answer, which the map explains: of a number, "up" or "down", the direction in
            which the warm places move it; null where the image cannot be read.
        probability: Of the answer, or `anomaly`; null of a number.
        drop_warm: By how much the answer's probability falls when the warmest tenth of the pixels
            is blurred; of a number, by how much it moves back; null of only good images, where the
            map is the model's own.
        drop_random: The same for a random tenth of the same shape, mean of four places.
        truth: The true class, labels or number; null where it is not known.
        problem: Why the image cannot be read; null where it can.
        right: Whether the answer is; null of a number, and where the truth is not known.
        value: The number that is answered; null of others.
    """

    path: str
    map: str | None = None
    label: str | None = None
    probability: float | None = None
    drop_warm: float | None = None
    drop_random: float | None = None
    truth: str | None = None
    problem: str | None = None
    right: bool | None = None
    value: float | None = None

    @property
    def confirmed(self) -> bool:
        """Return whether there is a map whose warm tenth costs more than a random one."""
        return self.drop_warm is not None and self.drop_warm > (self.drop_random or 0)

    @property
    def output(self) -> str:
        """Return the probability or the number in words."""
        if self.value is None:
            return "" if self.probability is None else percent(self.probability)
        return f"{self.value:.4g}"

    def change(self, drop: float | None) -> str:
        """Return how the output changes, from `drop_warm` or `drop_random`: in points of 100."""
        if drop is None:
            return ""
        if self.value is None:
            return f"{0.0 - 100 * drop:+.1f}"
        return f"{drop if self.label == DOWN else 0.0 - drop:+.3g}"


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
    label: str | None = None,
    out: Path | None = None,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> ExplainResult:
    """Draw where the model looks, and measure what each map is worth.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Images, or folders to search. Without any, the run's most confident errors on
            images it had not seen, and one right answer of each class.
        label: The class or label to explain instead of what is answered.
        out: A new or empty folder for the page and the maps; by default one under `explain/`.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the images cannot be used, or the folder holds something.
    """
    paths = list_images(sources) if sources else []
    trained = TrainedRun.open(run, data, progress)
    column = None if label is None else column_of(trained, label, paths)
    folder = new_folder(out, trained.directory.path)
    subjects = named(trained, paths) if paths else telling(trained)
    network = open_network(trained, PASSES)  # few maps would not repay loading an accelerator
    maps: list[ImageMap] = []
    cards: list[_Card] = []
    for number, subject in enumerate(subjects):
        progress("explain", number, len(subjects))
        if subject.pixels is None:
            maps.append(ImageMap(subject.path, problem=subject.problem))
            continue
        for explained in explain_subject(trained, network, subject, column):
            card = _drawn(trained, subject, explained, folder / _file_name(len(maps), subject.path))
            cards.append(card)
            maps.append(card.record)
    if cards:
        write_explain_page(folder / PAGE, "maps.html.j2", _values(trained, cards))
    return ExplainResult(trained.directory.path, maps, folder / PAGE if cards else None)


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


def _drawn(trained: TrainedRun, subject: Subject, explained: Explained, file: Path) -> _Card:
    """Write the map of an image."""
    assert subject.pixels is not None
    task, output = trained.plan.task, explained.output
    number = task == NUMBER
    map = drawn(task, subject.pixels, explained)
    write_atomic(file, lambda path: Image.fromarray(map).save(path, "PNG"))
    warm, random = explained.drops or (None, None)
    record = ImageMap(
        subject.path,
        str(file),
        explained.label,
        None if number else output,
        warm,
        random,
        subject.truth,
        right=explained.right,
        value=output if number else None,
    )
    return _Card(record, subject.pixels, map)


def _file_name(number: int, path: str) -> str:
    """Return a name for a map that two images of one name do not share."""
    stem = re.sub(r"[^\w.-]+", "_", Path(path).stem)[:60]
    return f"{number + 1:03}_{stem}.png"


def _values(trained: TrainedRun, cards: Sequence[_Card]) -> dict[str, Any]:
    """Return what the page shows."""
    unknown = [card for card in cards if card.record.truth is None]
    right = [card for card in cards if card.record.right]
    wrong = [card for card in cards if card not in unknown and card not in right]
    task = trained.plan.task
    return {
        "title": trained.directory.path.resolve().name,
        "task": task,
        "cards": cards,
        "n_confirmed": sum(card.record.confirmed for card in cards),
        "groups": [
            ("Maps", unknown),
            ("The largest errors" if task == NUMBER else "The most confident errors", wrong),
            ("A right answer of each class" if task == CLASSES else "Right answers", right),
        ],
    }
