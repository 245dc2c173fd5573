"""Shortcuts: how well classes can be told apart by what is not the matter.

A head is solved on facts of the file, on the border, on brightness and so on, and cross-validated
on the same folds as the real one. What comes near the real accuracy may be what a network learns
instead of the subject (Geirhos et al. 2020, Shortcut learning in deep neural networks). All is said
of "telling apart": a shortcut of the folder is a fact, its use by a network a danger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tlearn.data.image_info import ImageInfo
from tlearn.data.inspection import IMBALANCE
from tlearn.data.intervals import wilson_interval
from tlearn.data.pixel_store import PixelArray
from tlearn.data.split import Fold
from tlearn.doctor import side_facts
from tlearn.doctor.fixed_marks import Relief, mark_probabilities
from tlearn.features.linear_head import cross_validate

NEVER_THE_MATTER = 0.5
"""Part of the way from guessing to the real accuracy that the lower end of a shortcut's interval
may cover, if it is nothing that an image shows of its subject. Half: from there on, most of what
the heads seem to know could be this. On eight of ten real folders nothing covers more than 0.4."""

SOME_CLASSES = 0.8
"""The same for telling some classes from the others: more, since the most telling ones are chosen.
On the same folders nothing covers more than 0.65."""

PERHAPS_THE_MATTER = 0.9
"""The same for color and thumbnails, by which many subjects can be told rightly: suspicious only if
the network adds next to nothing. It holds for some classes by size in bytes too, since at equal
size in pixels that measures how rich in detail a subject is."""

_ONE_MARKED_CLASS = 0.6


@dataclass(frozen=True)
class Shortcut:
    """How well classes can be told apart by one thing that is not the matter.

    Attributes:
        name: By what, such as "size in bytes".
        accuracy: Cross-validated; each class counts the same if classes are unequal.
        interval: 95% interval of the accuracy.
        guessing: Accuracy of guessing.
        real_accuracy: That of the heads on the network's features, on the same images.
        suspicious: Whether it comes so near that the real accuracy may owe much to it.
        classes: If it is about telling these classes from all others, their indices; accuracies are
            then means over both sides. Empty if it is about all classes.
    """

    name: str
    accuracy: float
    interval: tuple[float, float]
    guessing: float
    real_accuracy: float
    suspicious: bool
    classes: tuple[int, ...] = ()


@dataclass(frozen=True, eq=False)
class Judged:
    """The images that shortcuts are measured on.

    Attributes:
        labels: (n,) class indices.
        folds: Pairs of row indices (to solve on, held out).
        real: (n, classes) held-out probabilities of the best head on the network's features.
        independent: Share of the images that count as independent, one of each group.
    """

    labels: np.ndarray
    folds: Sequence[Fold]
    real: np.ndarray
    independent: float = 1.0

    @property
    def n_classes(self) -> int:
        """Return the number of classes."""
        return self.real.shape[1]

    @property
    def unequal(self) -> bool:
        """Return whether classes are so unequal that each is to count the same."""
        counts = np.bincount(self.labels, minlength=self.n_classes)
        return bool(counts.max() > IMBALANCE * counts.min())

    @property
    def weights(self) -> np.ndarray:
        """Return the weight (n,) of each image in an accuracy; they sum to one."""
        return _weights(self.labels, self.unequal)


def find_shortcuts(
    infos: Sequence[ImageInfo],
    pixels: PixelArray | None,
    labels: np.ndarray,
    folds: Sequence[Fold],
    real: np.ndarray,
    groups: np.ndarray | None = None,
) -> list[Shortcut]:
    """Measure every shortcut, the most suspicious first.

    Args:
        infos: (n,) what is known of each file.
        pixels: uint8 (n, side, side, 3); only images that a fold names are read. None for what
            the files say of themselves alone.
        labels: (n,) class indices.
        folds: Pairs of row indices (to solve on, held out), with groups on one side.
        real: (n, classes) held-out probabilities of the best head on the network's features.
        groups: (n,) number of the group of each image: intervals count groups, not images.
    """
    rows = np.sort(np.concatenate([held_out for _, held_out in folds]))
    own_folds = [(np.searchsorted(rows, a), np.searchsorted(rows, b)) for a, b in folds]
    share = 1.0 if groups is None else len(np.unique(groups[rows])) / len(rows)
    judged = Judged(labels[rows], own_folds, real[rows], share)
    side = None if pixels is None else side_facts.read_side_pixels(pixels, rows)
    shortcuts = [*_measure([infos[row] for row in rows], side, judged)]
    return sorted(shortcuts, key=lambda found: (not found.suspicious, -_covered(found)))


def _measure(
    infos: Sequence[ImageInfo], side: side_facts.SidePixels | None, judged: Judged
) -> Iterator[Shortcut]:
    def predict(columns: np.ndarray) -> np.ndarray:
        n_classes, folds = judged.n_classes, judged.folds
        return cross_validate(
            columns, judged.labels, n_classes, folds, class_weights=judged.unequal, in_place=True
        ).probabilities

    never, perhaps = (NEVER_THE_MATTER, SOME_CLASSES), (PERHAPS_THE_MATTER, PERHAPS_THE_MATTER)
    size = (NEVER_THE_MATTER, PERHAPS_THE_MATTER)
    yield judge("file facts", predict(side_facts.file_facts(infos)), judged, never)
    yield judge("size in bytes", predict(side_facts.size_in_bytes(infos)), judged, size)
    if side is None:
        return
    border, inner = (predict(side_facts.ring(side, d)) for d in (0, side_facts.CONTROL_DEPTH))
    yield judge("border pixels", border, judged, never, inner)
    relief = Relief(side.relief, side.cells.mean(axis=3).astype(np.uint8))
    marks = mark_probabilities(relief, judged.labels, judged.n_classes, judged.folds)
    # Subjects cut out on black come to 0.53 for one class, drawn letters to 0.54.
    yield judge("marks at a fixed place", marks, judged, (NEVER_THE_MATTER, _ONE_MARKED_CLASS))
    brightness = predict(side_facts.brightness_limits(side))
    shape = predict(side_facts.shape_of_brightness(side))
    yield judge("range of brightness", brightness, judged, never, shape)
    yield judge("mean color", predict(side_facts.mean_color(side)), judged, perhaps)
    outer = predict(side_facts.thumbnail(side, center=False))
    yield judge("image without its center", outer, judged, perhaps)
    yield judge("16-pixel thumbnail", predict(side_facts.thumbnail(side)), judged, perhaps)


def judge(
    name: str,
    probabilities: np.ndarray,
    judged: Judged,
    limits: tuple[float, float],
    control: np.ndarray | None = None,
) -> Shortcut:
    """Compare a shortcut with the real head and with guessing.

    Args:
        name: What the shortcut looks at.
        probabilities: (n, classes) its held-out predictions.
        judged: The images.
        limits: Parts of the way from guessing to the real accuracy from which it is suspicious, for
            all classes and for some of them.
        control: (n, classes) predictions by something like it that does show the subject; the
            shortcut must tell more than that.
    """
    labels, weights = judged.labels, judged.weights
    guessing = float(np.bincount(labels, weights).max())

    def right(p: np.ndarray) -> np.ndarray:
        return p.argmax(axis=1) == labels

    overall = _compare(name, right, probabilities, judged, weights, guessing, limits[0], control)
    if overall.suspicious or judged.n_classes == 2:
        return overall
    # Of several classes together there are many sets, of which the most telling one is taken.
    of_several = max(limits[1], SOME_CLASSES)
    some = [
        _of_classes(
            name,
            probabilities,
            judged,
            classes,
            of_several if len(classes) > 1 else limits[1],
            control,
        )
        for classes in _telling_classes(probabilities, labels)
    ]
    best = max(some, key=lambda found: (found.suspicious, found.interval[0]), default=overall)
    return best if best.suspicious else overall


def _of_classes(
    name: str,
    probabilities: np.ndarray,
    judged: Judged,
    classes: np.ndarray,
    limit: float,
    control: np.ndarray | None,
) -> Shortcut:
    inside = np.isin(judged.labels, classes)
    share = inside.mean()

    def right(p: np.ndarray) -> np.ndarray:
        # Each side counts the same: what is likelier than its share wins.
        return (p[:, classes].sum(axis=1) > share * p.sum(axis=1)) == inside

    weights = _weights(inside.astype(int), True)
    found = _compare(name, right, probabilities, judged, weights, 0.5, limit, control)
    return Shortcut(**(vars(found) | {"classes": tuple(classes.tolist())}))


def _compare(
    name: str,
    right: Callable[[np.ndarray], np.ndarray],
    probabilities: np.ndarray,
    judged: Judged,
    weights: np.ndarray,
    guessing: float,
    limit: float,
    control: np.ndarray | None,
) -> Shortcut:
    # Rounded, as weights of a third and the like sum up to a little less than one.
    accuracy, real = (round(float(weights @ right(p)), 9) for p in (probabilities, judged.real))
    n = judged.independent / float(np.square(weights).sum())  # Kish's effective number
    low, high = wilson_interval(accuracy * n, n)
    real_gain = max(real, accuracy) - guessing
    suspicious = low > guessing and low - guessing >= limit * real_gain
    if control is not None:
        suspicious = suspicious and low > float(weights @ right(control))
    return Shortcut(name, accuracy, (low, high), guessing, real, bool(suspicious))


def _telling_classes(probabilities: np.ndarray, labels: np.ndarray) -> Iterator[np.ndarray]:
    """Yield sets of classes that the predictions take for one another, at most half of all.

    They are the class itself, and it with the classes that are predicted most like it.
    """
    n_classes = probabilities.shape[1]
    one_hot = np.eye(n_classes)[labels]
    predicted = one_hot.T @ probabilities / np.maximum(one_hot.sum(axis=0), 1)[:, None]
    predicted /= np.maximum(predicted.sum(axis=0), 1e-9)
    unit = predicted - predicted.mean(axis=1, keepdims=True)
    unit /= np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    nearest = np.argsort(-(unit @ unit.T) - 2 * np.eye(n_classes), axis=1, kind="stable")
    seen = set()
    for order in nearest:
        for size in range(1, n_classes // 2 + 1):
            classes = np.sort(order[:size])
            if (key := classes.tobytes()) not in seen:
                seen.add(key)
                yield classes


def _covered(found: Shortcut) -> float:
    """Return the part of the way from guessing to the real accuracy."""
    return (found.accuracy - found.guessing) / max(found.real_accuracy - found.guessing, 0.01)


def _weights(labels: np.ndarray, balanced: bool) -> np.ndarray:
    weights = 1 / np.bincount(labels)[labels] if balanced else np.ones(len(labels))
    return weights / weights.sum()
