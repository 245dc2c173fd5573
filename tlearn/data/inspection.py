"""What is wrong, or risky, with the pictures of a folder, in plain sentences."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from tlearn.data.decode import ImageInfo
from tlearn.data.image_folder import EXTENSIONS, ImageFolder, LabeledImage

TINY_SIDE = 32
"""Short side in pixels below which a picture hardly shows anything."""

FEW_IMAGES = 10
"""Pictures a class needs before its validation figures mean something."""

IMBALANCE = 3.0
"""Largest class / smallest class from which the small one is easily neglected."""

_PLACEHOLDER = re.compile(
    r"(image|photo|picture)[ _-]?not[ _-]?(found|available)|placeholder|no[_-]image", re.IGNORECASE
)
_SHOWN = 3

ImageWithInfo = tuple[LabeledImage, ImageInfo]


@dataclass(frozen=True)
class DataIssue:
    """One fault or risk.

    Attributes:
        kind: "unreadable", "misnamed", "placeholder", "duplicate", "conflicting_labels", "leak",
            "tiny", "imbalance", "few" or "rotated".
        severity: "warning" (mend it, or know it) or "note".
        message: What was found, with numbers, and what to do.
        names: The pictures (or classes) meant; an unreadable one is followed by ": reason".
    """

    kind: str
    severity: str
    message: str
    names: tuple[str, ...]


def inspect_dataset(folder: ImageFolder, facts: Sequence[ImageInfo]) -> tuple[DataIssue, ...]:
    """Everything worth telling about a folder, gravest first.

    Args:
        folder: What was scanned.
        facts: `facts[i]` belongs to `folder.images[i]`.
    """
    images = [*zip(folder.images, facts, strict=True)]
    readable = [pair for pair in images if pair[1].problem is None]
    copies: dict[str, list[LabeledImage]] = defaultdict(list)
    for image, fact in readable:
        copies[fact.sha256].append(image)
    groups = [group for group in copies.values() if len(group) > 1]
    return (
        *_unreadable(images),
        *_conflicting_labels(folder, groups),
        *_leak(groups),
        *_duplicate(groups),
        *_placeholder(readable),
        *_imbalance(folder, readable),
        *_tiny(readable),
        *_misnamed(readable),
        *_rotated(readable),
    )


def _unreadable(images: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    found = [f"{image.name}: {fact.problem}" for image, fact in images if fact.problem]
    if found:
        yield DataIssue(
            "unreadable",
            "warning",
            f"{len(found)} of {_count(len(images), 'image')} cannot be read and "
            f"{'is' if len(found) == 1 else 'are'} left out: {_first(found)}. "
            "Replace or delete them.",
            tuple(found),
        )


def _conflicting_labels(
    folder: ImageFolder, groups: Sequence[Sequence[LabeledImage]]
) -> Iterator[DataIssue]:
    found = [group for group in groups if len({image.label for image in group}) > 1]
    if found:
        classes = sorted({image.label for group in found for image in group})
        yield DataIssue(
            "conflicting_labels",
            "warning",
            f"{_count(len(found), 'image')} {_is(found)} filed under more than one class "
            f"({_first([repr(folder.classes[label]) for label in classes])}) and left out: "
            f"{_pairs(found)}. Keep each in its right class only.",
            _names(found),
        )


def _leak(groups: Sequence[Sequence[LabeledImage]]) -> Iterator[DataIssue]:
    found = [
        group
        for group in groups
        if len({image.split for image in group}) > 1 and len({image.label for image in group}) == 1
    ]
    if found:
        yield DataIssue(
            "leak",
            "warning",
            f"{_count(len(found), 'image')} {_is(found)} in more than one of train, val and "
            f"test: {_pairs(found)}. The copies in train (or val, where test has it too) are left "
            "out, since a score on pictures seen in training means nothing.",
            _names(found),
        )


def _duplicate(groups: Sequence[Sequence[LabeledImage]]) -> Iterator[DataIssue]:
    by_place: list[list[LabeledImage]] = []
    for group in groups:
        places: dict[tuple[int, str | None], list[LabeledImage]] = defaultdict(list)
        for image in group:
            places[image.label, image.split].append(image)
        by_place += [same for same in places.values() if len(same) > 1]
    if by_place:
        spare = sum(len(group) - 1 for group in by_place)
        yield DataIssue(
            "duplicate",
            "warning",
            f"{_count(len(by_place), 'image')} {_is(by_place)} stored more than once in the "
            f"same class ({_count(spare, 'spare copy', 'spare copies')}): {_pairs(by_place)}. "
            "Copies stay on one side of the split; delete them, they teach nothing new.",
            _names(by_place),
        )


def _placeholder(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    found = [image.name for image, _ in readable if _PLACEHOLDER.search(image.path.name)]
    if found:
        yield DataIssue(
            "placeholder",
            "warning",
            f"{_count(len(found), 'image')} {_is(found)} named like the placeholder of a web "
            f"site: {_first(found)}. Look at {_them(found)}, and delete what shows no class.",
            tuple(found),
        )


def _imbalance(folder: ImageFolder, readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    counts = [0] * len(folder.classes)
    for image, _ in readable:
        counts[image.label] += image.split in (None, "train")
    where = "for training" if folder.images[0].split else "that can be read"
    largest, smallest = max(counts), min(counts)
    if largest > IMBALANCE * smallest:
        most, least = (folder.classes[counts.index(count)] for count in (largest, smallest))
        ratio = f"{largest / smallest:.1f} times as many" if smallest else "against none"
        yield DataIssue(
            "imbalance",
            "warning",
            f"{most!r} has {_count(largest, 'image')} {where} and {least!r} {smallest}: {ratio}. "
            "Add images to the small classes, or weigh them up with class_weights: true.",
            (most, least),
        )
    few = [label for label, count in enumerate(counts) if count < FEW_IMAGES]
    if few:
        listed = _first([f"{folder.classes[label]!r} ({counts[label]})" for label in few])
        yield DataIssue(
            "few",
            "note",
            f"{_count(len(few), 'class has', 'classes have')} fewer than {FEW_IMAGES} pictures "
            f"{where}: {listed}. Figures for so few are rough; add pictures if you can.",
            tuple(folder.classes[label] for label in few),
        )


def _tiny(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    found = [image.name for image, f in readable if min(f.width, f.height) < TINY_SIDE]
    if found:
        yield DataIssue(
            "tiny",
            "warning",
            f"{_count(len(found), 'image')} {_is(found)} smaller than {TINY_SIDE} pixels on the "
            f"short side: {_first(found)}. Replace {_them(found)} with larger ones if there are "
            "any.",
            tuple(found),
        )


def _misnamed(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    found, shown = [], []
    for image, fact in readable:
        suffix = PurePosixPath(image.name).suffix.lower()
        if EXTENSIONS.get(suffix, fact.format) != fact.format:
            found.append(image.name)
            shown.append(f"{image.name} is {fact.format}")
    if found:
        yield DataIssue(
            "misnamed",
            "warning",
            f"{_count(len(found), 'image')} {_is(found)} in another format than the extension "
            f"says: {_first(shown)}. tlearn goes by the content; other tools may fail, so rename "
            f"{_them(found)}.",
            tuple(found),
        )


def _rotated(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    found = [image.name for image, fact in readable if fact.rotated]
    if found:
        yield DataIssue(
            "rotated",
            "note",
            f"{_count(len(found), 'image')} {_is(found)} stored turned and set upright by EXIF. "
            "Do the same in your own code, or the model sees such pictures lying on their side.",
            tuple(found),
        )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _is(found: Sequence[object]) -> str:
    return "is" if len(found) == 1 else "are"


def _them(found: Sequence[object]) -> str:
    return "it" if len(found) == 1 else "them"


def _first(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _pairs(groups: Sequence[Sequence[LabeledImage]]) -> str:
    return _first([f"{group[0].name} = {group[1].name}" for group in groups])


def _names(groups: Sequence[Sequence[LabeledImage]]) -> tuple[str, ...]:
    return tuple(image.name for group in groups for image in group)
