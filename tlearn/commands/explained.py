"""Which images and answers `tlearn explain` explains, and the map of each, whatever the task."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from tlearn.confidence.answers import MAP
from tlearn.data.good_images import BAD, GOOD
from tlearn.data.order import answered
from tlearn.data.targets import CLASSES, LABELS, NUMBER, ONE_CLASS
from tlearn.errors import DataError, quoted
from tlearn.evaluation.examples import pick_examples
from tlearn.evaluation.explain_maps import (
    Classifier,
    explain_image,
    of_class,
    of_label,
    of_number,
)
from tlearn.evaluation.explain_overlay import draw_map
from tlearn.evaluation.predictions_file import SplitPredictions
from tlearn.runs.answering import Network, answer, output_of
from tlearn.runs.run_images import LabeledPixels
from tlearn.runs.trained_run import TrainedRun

UP, DOWN = "up", "down"

_MOST_ERRORS = 12
"""Confident errors that are explained where no image was named."""

_MOST_FOUND = 6
"""Bad images that were found, likewise."""


@dataclass(frozen=True, eq=False)
class Subject:
    """An image to explain: its pixels, or why it has none.

    Attributes:
        path: The image.
        pixels: uint8 (side, side, 3); None where it cannot be read.
        truth: Its class, labels or number, in words; None where it is not known.
        problem: Why it cannot be read.
        column: The output to explain; None for what is answered.
        targets: (outputs,) where they are known, of another task than classes.
    """

    path: str
    pixels: np.ndarray | None
    truth: str | None = None
    problem: str | None = None
    column: int | None = None
    targets: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Explained:
    """An answer, and the map that explains it.

    Attributes:
        label: What is explained, in words.
        output: Its probability, the number, or `anomaly`.
        right: Whether it is; None of a number, and where the truth is not known.
        warmth: (side, side), the map.
        drops: What the warmest tenth and a random one cost; nothing of a model's own map.
    """

    label: str
    output: float
    right: bool | None
    warmth: np.ndarray
    drops: tuple[float, float] | tuple[()] = ()


def column_of(trained: TrainedRun, label: str, paths: Sequence[Path]) -> int:
    """Return the output of a class or label that is to be explained in images.

    Raises:
        DataError: The run has no such class, or answers no classes and no labels; there is no
            image.
    """
    if not paths:
        raise DataError(
            "--class says what to explain in images, and none was named",
            f"name some: tlearn explain RUN IMAGES --class {quoted(label)}",
        )
    if trained.plan.task in (NUMBER, ONE_CLASS):
        raise DataError(
            f"the run {quoted(trained.directory.path)} has one output, and it is explained anyway",
            "leave out --class: tlearn explain RUN IMAGES",
        )
    if label not in trained.labels:
        raise DataError(
            f"the run {quoted(trained.directory.path)} does not know {label!r}",
            f"name one that it knows, such as: --class {quoted(trained.labels[0])}",
        )
    return trained.labels.index(label)


def named(trained: TrainedRun, paths: Sequence[Path]) -> list[Subject]:
    """Return the images that the person named."""
    pixels, problems = trained.read_files(paths)
    readable = iter(range(len(pixels)))
    return [
        Subject(str(path), None, problem=problem)
        if problem
        else Subject(str(path), np.asarray(pixels[next(readable)]))
        for path, problem in zip(paths, problems, strict=True)
    ]


def telling(trained: TrainedRun) -> list[Subject]:
    """Return the most confident errors of a run, and one right answer of each class or label.

    Of a number they are the largest errors.
    """
    split = trained.manifest.report_split
    images = trained.read_split(split)
    names = [trained.manifest.names[row] for row in trained.manifest.indices(split)]
    outputs = answer(trained, images.pixels).probabilities
    if images.targets is not None:
        return _telling_targets(trained, images, images.targets, names, outputs)
    ordered = trained.plan.ordered
    said = SplitPredictions(split, trained.labels, names, images.labels, outputs, ordered)
    examples = pick_examples(said, images.pixels)
    right = {example.truth: example for example in reversed(examples.right)}
    chosen = [*examples.errors[:_MOST_ERRORS], *right.values()]
    return [Subject(str(trained.folder / x.name), x.pixels, x.truth) for x in chosen]


def _telling_targets(
    trained: TrainedRun,
    images: LabeledPixels,
    targets: np.ndarray,
    names: Sequence[str],
    outputs: np.ndarray,
) -> list[Subject]:
    if trained.plan.task == NUMBER:
        wrong, right = np.abs(outputs - targets), np.zeros_like(targets)
    else:
        over = outputs - np.array(trained.confidence.thresholds_of(outputs.shape[1]))
        # Of labels, what is missed is not answered, and so is not there to be explained.
        said = over >= 0 if trained.plan.task == LABELS else np.ones_like(over, bool)
        wrong = np.abs(over) * (said & ((over >= 0) != (targets == 1)) & ~np.isnan(targets))
        right = over * ((over >= 0) & (targets == 1))
    worst = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_ERRORS].tolist()
    pairs = [divmod(place, outputs.shape[1]) for place in worst if wrong.flat[place] > 0]
    most = _MOST_FOUND if trained.plan.task == ONE_CLASS else 1
    best = [
        (row, n)
        for n, column in enumerate(right.T)
        for row in np.argsort(-column, kind="stable")[:most].tolist()
        if column[row] > 0
    ]
    return [
        Subject(
            str(trained.folder / names[row]),
            np.asarray(images.pixels[row]),
            _in_words(trained, targets[row]),
            column=column,
            targets=targets[row],
        )
        for row, column in [*pairs, *best]
    ]


def _in_words(trained: TrainedRun, targets: np.ndarray) -> str:
    if trained.plan.task == NUMBER:
        return f"{targets[0]:.4g}"
    if trained.plan.task == ONE_CLASS:
        return BAD if targets[0] else GOOD
    has = [name for name, target in zip(trained.labels, targets, strict=True) if target == 1]
    return " | ".join(has) or "none"


def classifier(trained: TrainedRun, network: Network) -> Classifier:
    """Return what a run answers as a function of images."""
    name = output_of(trained.plan.task)
    return lambda images: network.run(images, (name,))[name]


def explain_subject(
    trained: TrainedRun, network: Network, subject: Subject, asked: int | None
) -> Iterator[Explained]:
    """Yield the maps of an image: of its class, of each label that is answered, of the number.

    Args:
        trained: The run.
        network: Its network.
        subject: The image, which can be read.
        asked: The output to explain whatever is answered; None for what is.
    """
    task, pixels = trained.plan.task, subject.pixels
    assert pixels is not None
    classify = classifier(trained, network)
    if task == ONE_CLASS:
        output = float(classify(pixels[np.newaxis])[0, 0])
        label = BAD if output >= trained.confidence.thresholds_of(1)[0] else GOOD
        right = None if subject.truth is None else subject.truth == label
        yield Explained(label, output, right, _own_map(network, pixels))
        return
    measures = {CLASSES: of_class, LABELS: of_label, NUMBER: of_number}[task]
    for column in _columns(trained, classify, subject, asked):
        found = explain_image(classify, pixels, trained.plan.seed, measures(column))
        label = (UP, DOWN)[found.measure] if task == NUMBER else trained.labels[column]
        right = None
        if task == LABELS and subject.targets is not None:
            right = bool(subject.targets[column] == 1)
        elif task == CLASSES and subject.truth is not None:
            right = subject.truth == label
        output, drops = float(found.probabilities[column]), (found.drop_warm, found.drop_random)
        yield Explained(label, output, right, found.warmth, drops)


def drawn(task: str, pixels: np.ndarray, explained: Explained) -> np.ndarray:
    """Return a map drawn over its image, uint8 (s, s, 3)."""
    most = 1.0 if task == ONE_CLASS else None
    up = explained.label != DOWN if task == NUMBER else None
    return draw_map(pixels, explained.warmth, most, up)


def _columns(
    trained: TrainedRun, classify: Classifier, subject: Subject, asked: int | None
) -> list[int]:
    """Return the outputs to explain: several only of labels."""
    column = subject.column if asked is None else asked
    if column is not None:
        return [column]
    assert subject.pixels is not None
    (outputs,) = all_outputs = classify(subject.pixels[np.newaxis])
    if trained.plan.task != LABELS:
        return answered(all_outputs, trained.plan.ordered).tolist()
    thresholds = np.array(trained.confidence.thresholds_of(len(outputs)))
    said = np.flatnonzero(outputs >= thresholds)
    return sorted(said.tolist(), key=lambda n: -outputs[n]) or [int(outputs.argmax())]


def _own_map(network: Network, pixels: np.ndarray) -> np.ndarray:
    """Return where a model of good images finds what is unlike them: 0 at what is usual."""
    places = network.run(pixels[np.newaxis], (MAP,))[MAP][0]
    side = round(len(places) ** 0.5)
    unusual = Image.fromarray((2 * places.reshape(side, side) - 1).astype(np.float32))
    return np.asarray(unusual.resize(pixels.shape[:2], Image.Resampling.BICUBIC), float)
