"""`tlearn next`: choose the images without a label whose labels are worth most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from tlearn.commands.next_copies import copy_images
from tlearn.confidence.answers import KNOWN, PROBABILITIES, VALUE, Answers
from tlearn.data.image_folder import list_images
from tlearn.data.local_source import locate
from tlearn.data.near_copies import copy_groups, find_near_copies
from tlearn.data.pixel_store import PixelRows
from tlearn.data.sampling import train_folds
from tlearn.data.split import Fold
from tlearn.data.targets import CLASSES, NUMBER, ONE_CLASS, ensure_classes
from tlearn.errors import DataError, quoted
from tlearn.evaluation.predictions import Prediction
from tlearn.evaluation.target_predictions import TargetPrediction
from tlearn.features.extractor import EMBEDDING
from tlearn.features.linear_head import held_out_probabilities
from tlearn.progress import ProgressCallback, no_progress
from tlearn.runs.answering import Network, open_network
from tlearn.runs.run_images import SplitImages
from tlearn.runs.trained_run import TrainedRun
from tlearn.storage.atomic import OUT_HINT, ensure_writable
from tlearn.suggestion.learning_curve import measure_curve
from tlearn.suggestion.worth import choose, margins

COUNT = 20
"""Images that are chosen where no number is given, or half of those there are, if these are few."""


@dataclass(frozen=True)
class NextImage:
    """An image to be labeled next.

    Attributes:
        prediction: What the run says of it.
        worth: How many images that the run is unsure of its label speaks for, besides those that
            have a label and those chosen before.
        copy: Its copy, relative to the folder for copies; None where none was asked for.
    """

    prediction: Prediction | TargetPrediction
    worth: float
    copy: str | None = None


@dataclass(frozen=True)
class NextImages:
    """The images that are worth a label, and what became of the others.

    Attributes:
        images: Those that were chosen, the most worth first.
        refused: Images like none of the run's classes, among which none was chosen; the least like
            them first.
        problems: Path of an image that cannot be read to the reason.
        n_looked_at: How many were looked at.
        n_copies: Copies of others of them; these count once.
        n_in_run: Images of the run or copies of them, which have a label.
        expected_gain: What as many images drawn at random would add to the accuracy, 0.01 for a
            point; None where it is not known.
        no_gain: Why it is not known.
    """

    images: tuple[NextImage, ...]
    refused: tuple[Prediction, ...]
    problems: Mapping[str, str]
    n_looked_at: int
    n_copies: int
    n_in_run: int
    expected_gain: float | None = None
    no_gain: str = "no image was chosen"


@dataclass(frozen=True, eq=False)
class _Found:
    """Images without a label: paths and pixels of each once, and how many others there are."""

    paths: Sequence[Path]
    pixels: PixelRows
    problems: Mapping[str, str]
    n_copies: int
    n_in_run: int


def next_images(
    run: Path | None,
    sources: Sequence[Path],
    *,
    count: int | None = None,
    out: Path | None = None,
    by_guess: bool = False,
    with_refused: bool = False,
    data: Path | None = None,
    progress: ProgressCallback = no_progress,
) -> NextImages:
    """Choose the images whose labels are worth most: unsure answers that stand for many others.

    Args:
        run: The run directory; None takes the newest under runs/.
        sources: Files, or folders to search, of images without a label.
        count: How many; None takes 20, or half of them where they are fewer than 40.
        out: A new or empty folder. It gets copies of the images, and a folder for each class or
            a table to fill in.
        by_guess: Copy into the folders of the most probable classes, or fill in the table.
        with_refused: Choose among images that the run refuses, too.
        data: Where the run's images are now.
        progress: Called with (step, done, total).

    Raises:
        TlearnError: The run or the folder cannot be used, or there is no image.
    """
    paths = list_images(sources)
    if out:
        _ensure_empty(out)
    trained = TrainedRun.open(run, data, progress)
    if trained.plan.task == ONE_CLASS:
        ensure_classes(trained.plan.task, "tlearn next")
    found = _find_new(trained, paths)
    if len(found.problems) == len(paths):
        first, why = next(iter(found.problems.items()))
        raise DataError(
            f"no image can be read: {quoted(first)}: {why}", "name other images: tlearn next IMAGES"
        )
    rest = found.problems, len(paths), found.n_copies, found.n_in_run
    if not found.paths:
        return NextImages((), (), *rest)
    labeled = trained.read_images_or_samples("train")
    network = open_network(trained, len(found.paths) + len(labeled.names))
    own = network.run(labeled.pixels, (EMBEDDING,), partial(progress, "embed"))[EMBEDDING]
    predictions, margin, embeddings = _predict(trained, network, found)
    of_classes = [] if with_refused else [p for p in predictions if isinstance(p, Prediction)]
    apart = tuple(sorted((p for p in of_classes if not p.label), key=lambda p: p.known or 0.0))
    aside = {p.name for p in apart}
    rows = [row for row, p in enumerate(predictions) if p.name not in aside]
    if not rows:
        return NextImages((), apart, *rest)
    wanted = min(count or min(COUNT, -(-len(rows) // 2)), len(rows))
    progress("choose", 0, 0)
    chosen, worth = choose(embeddings[rows], margin[rows], own, wanted)
    best = [predictions[rows[number]] for number in chosen]
    gain = _gain(trained, network, labeled, own, wanted)
    copies = copy_images(best, out, trained, by_guess) if out else [None] * len(best)
    return NextImages(tuple(map(NextImage, best, worth.tolist(), copies)), apart, *rest, *gain)


def _ensure_empty(out: Path) -> None:
    ensure_writable(out)
    if out.exists() and any(out.iterdir()):
        raise DataError(f"{quoted(out)} is not empty, and nothing is overwritten", OUT_HINT)


def _find_new(trained: TrainedRun, paths: Sequence[Path]) -> _Found:
    """Leave out what cannot be read, what the run has, and all copies of an image but the first."""
    manifest = trained.manifest
    own = [path for path in locate(trained.folder, manifest.names) if path.is_file()]
    store = trained.decode([*own, *paths])
    digests = [info.sha256 for info in store.infos]
    pairs = find_near_copies(store, partial(trained.progress, "compare images"))
    group_of = {row: group for group in copy_groups(pairs) for row in group}
    in_run = {*manifest.digests}
    problems, new, n_in_run = {}, [], 0
    for row, path in enumerate(paths, start=len(own)):
        group = group_of.get(row, [row])
        if problem := store.infos[row].problem:
            problems[str(path)] = problem
        elif any(digests[other] in in_run for other in group):
            n_in_run += 1
        elif not any(len(own) <= other < row for other in group):
            new.append(row)
    n_copies = len(paths) - len(problems) - n_in_run - len(new)
    pixels = store.rows([digests[row] for row in new])
    return _Found([paths[row - len(own)] for row in new], pixels, problems, n_copies, n_in_run)


def _predict(
    trained: TrainedRun, network: Network, found: _Found
) -> tuple[Sequence[Prediction | TargetPrediction], np.ndarray, np.ndarray]:
    """Return what the run says of the images, how sure it is, and its embeddings of them."""
    task, kept = trained.plan.task, trained.confidence
    value = VALUE if task == NUMBER else PROBABILITIES
    names = (value, KNOWN, EMBEDDING)
    outputs = network.run(found.pixels, names, partial(trained.progress, "predict"))
    numbers, known = outputs[value], outputs.get(KNOWN)
    if task != CLASSES:
        margin = np.zeros(len(numbers)) if task == NUMBER else abs(2 * numbers - 1).mean(axis=1)
        pairs = zip(map(str, found.paths), numbers, strict=True)
        said = [TargetPrediction.of(*pair, trained.labels, task, kept) for pair in pairs]
        return said, margin, outputs[EMBEDDING]
    answers = Answers(numbers, None if known is None else known[:, 0])
    predictions = [
        Prediction.of(str(path), answer, trained.labels, kept)
        for path, answer in zip(found.paths, answers, strict=True)
    ]
    return predictions, margins(numbers), outputs[EMBEDDING]


def _gain(
    trained: TrainedRun, network: Network, labeled: SplitImages, embeddings: np.ndarray, count: int
) -> tuple[float | None, str]:
    """Return what more images would bring by the run's learning curve, or why it is not known."""
    head = trained.plan.head
    if trained.plan.task != CLASSES:
        return None, "learning curves are of classes"
    if trained.plan.policy != "linear_head" or not head.solved_l2:
        return None, "only a head that was solved on an untouched network has a learning curve"
    if labeled.source != "train":
        return None, "the run's images are not where they were (--data FOLDER)"
    penalty, labels = head.solved_l2, labeled.labels

    def held_out(folds: Sequence[Fold], factor: float) -> Sequence[np.ndarray]:
        return held_out_probabilities(
            embeddings,
            labels,
            len(trained.labels),
            folds,
            penalty * factor,
            class_weights=head.class_weights,
            ordered=trained.plan.ordered,
            blocks=network.blocks,
        )

    trained.progress("measure the learning curve", 0, 0)
    folds = train_folds(trained.manifest, trained.plan.seed)
    curve = measure_curve(labels, folds, held_out, trained.plan.seed, labeled.groups)
    if not curve.drawn:
        return None, "there are too few images of a class to draw a learning curve"
    return curve.gain(count), ""
