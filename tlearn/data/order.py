"""Classes that are steps of a scale: their order, and the answer in the middle."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tlearn.data.csv_labels import meaning_of_commas, read_number
from tlearn.data.image_folder import ImageFolder
from tlearn.data.notes import composed
from tlearn.data.parts import SPLITS
from tlearn.data.targets import NUMBERS
from tlearn.errors import DataError, pasted

# A hyphen inside of a name is no sign: "grade-2", but "T -3".
_NUMBERS = re.compile(r"(?:(?<![^\s(])[-\N{MINUS SIGN}])?\d+(?:[.,]\d+)*")

_MOST_PASTED = 20
"""Classes that an error names all."""


def in_order(folder: ImageFolder, order: str) -> ImageFolder:
    """Return a folder with its classes in order.

    Args:
        folder: Classes and files.
        order: NUMBERS, or all classes with commas between them, the lowest first; a name with a
            comma stands in double quotes.

    Raises:
        DataError: A class has no number in its name or two have the same, or `order` names others.
    """
    classes = folder.classes
    if order == NUMBERS:
        comma = _comma_in(classes)
        numbers = {name: _number_in(name, comma) for name in classes}
        each, ordered = [*numbers.values()], sorted(classes, key=lambda name: numbers[name] or 0.0)
        unclear = [n for n in classes if numbers[n] is None or each.count(numbers[n]) > 1]
        problem = "their names do not have a number each, of its own"
    else:
        (cells,) = csv.reader([order], skipinitialspace=True)
        ordered = [composed(name.strip()) for name in cells]
        unclear = sorted({*classes} ^ {*ordered}) or [n for n in classes if ordered.count(n) > 1]
        problem = "the folder and the order do not have each once"
    if unclear:
        few = len(classes) <= _MOST_PASTED
        names = ",".join(map(_quoted, classes)) if few else "LOWEST,NEXT,HIGHEST"
        raise DataError(
            f"no order of the classes {', '.join(map(repr, unclear[:5]))}: {problem}",
            f"name all, the lowest first: --set {pasted('order=' + names)}",
        )
    labels = [ordered.index(name) for name in classes]
    images = [replace(image, label=labels[image.label]) for image in folder.images]
    images.sort(key=lambda image: (SPLITS.index(image.split or "train"), image.label))
    return replace(folder, classes=tuple(ordered), images=tuple(images))


def _quoted(name: str) -> str:
    return f'"{name}"' if "," in name else name


def middle(probabilities: np.ndarray) -> np.ndarray:
    """Return the class in the middle of each row: (n, classes) to (n,).

    Half of the probability at most is below it, and half above: no other answer has a smaller
    expected distance from the truth, in steps.
    """
    passed = np.cumsum(probabilities, axis=1, dtype=np.float64)
    return np.asarray((passed < passed[:, -1:] / 2).sum(axis=1))


def answered(probabilities: np.ndarray, ordered: bool) -> np.ndarray:
    """Return the class that each row (classes,) answers: (n,), the middle or most probable one.

    Args:
        probabilities: (n, classes).
        ordered: Whether the classes are steps of a scale.
    """
    return middle(probabilities) if ordered else np.asarray(probabilities.argmax(axis=1))


def ranking(probabilities: np.ndarray, ordered: bool) -> np.ndarray:
    """Return the classes of each row, the answer first, then the most probable: (n, classes).

    Args:
        probabilities: (n, classes).
        ordered: Whether the classes are steps of a scale.
    """
    # A stable sort, so that ties (common after quantization) go to the first class, as argmax does.
    order = np.argsort(-probabilities, axis=1, kind="stable")
    if not ordered:
        return order
    rest = order != middle(probabilities)[:, None]
    return np.take_along_axis(order, np.argsort(rest, axis=1, kind="stable"), axis=1)


def _comma_in(names: Sequence[str]) -> str:
    """Return what commas in the numbers of names stand for; "x" leaves no number where unclear."""
    try:
        return meaning_of_commas([cell for name in names for cell in _NUMBERS.findall(name)])
    except ValueError:
        return "x"


def _number_in(name: str, comma: str) -> float | None:
    """Return the only number in a name."""
    found = _NUMBERS.findall(name)
    try:
        return read_number(found[0], comma) if len(found) == 1 else None
    except ValueError:
        return None
