"""What is wrong, or risky, with the images of a folder, in sentences for a person."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from tlearn.data.counted import are, count, first, them
from tlearn.data.formats import EXTENSIONS
from tlearn.data.groups import looks
from tlearn.data.image_folder import ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo
from tlearn.data.strays import folders_without_class, loose_images, not_followed
from tlearn.data.targets import CLASSES, LABELS
from tlearn.data.unknown import names_unknown
from tlearn.data.untested import untested_classes

TINY_SIDE = 32
"""Short side, in pixels, below which an image hardly shows anything."""

FEW_IMAGES = 10
"""Images a class needs before its validation results mean something."""

IMBALANCE = 3.0
"""Ratio of the largest to the smallest class beyond which the small one is easily neglected."""

_PLACEHOLDER = re.compile(
    r"(image|photo|picture)[ _-]?not[ _-]?(found|available)|placeholder|no[_-]image", re.IGNORECASE
)

ImageWithInfo = tuple[LabeledImage, ImageInfo]
Groups = Sequence[Sequence[LabeledImage]]


@dataclass(frozen=True)
class DataIssue:
    """One error or risk in an image folder.

    Attributes:
        kind: "unreadable", "no_class", "conflicting_labels", "leak", "duplicate", "placeholder",
            "imbalance", "few", "untested", "tiny", "misnamed" or "rotated"; or one of `notes`,
            `pixel_issues`, `copy_findings`, `group_findings` and `short_issues`.
        severity: "warning" (to be fixed, or at least known) or "note".
        message: What was found, in numbers, and what to do; full sentences.
        names: The images (or classes) concerned; an unreadable image is followed by ": reason".
    """

    kind: str
    severity: str
    message: str
    names: tuple[str, ...]


def inspect_dataset(folder: ImageFolder, infos: Sequence[ImageInfo]) -> tuple[DataIssue, ...]:
    """Find everything worth knowing about the images of a folder, most serious first.

    Args:
        folder: Classes and files.
        infos: `infos[i]` belongs to `folder.images[i]`.
    """
    images = [*zip(folder.images, infos, strict=True)]
    readable = [(image, info) for image, info in images if info.problem is None]
    copies: dict[str, list[LabeledImage]] = defaultdict(list)
    for image, info in readable:
        copies[looks(info)].append(image)
    groups = [group for group in copies.values() if len(group) > 1]
    classes = folder.task == CLASSES
    return (
        *_unreadable(images),
        *_no_class(folder),
        *(DataIssue(*note) for note in folder.notes if note.severity == "warning"),
        *_conflicting_labels(folder, groups),
        *_leak(folder, groups),
        *_duplicate(folder, groups),
        *_placeholder(readable),
        *(_imbalance(folder, readable) if classes else _rare_labels(folder, readable)),
        *(DataIssue(*note) for note in untested_classes(folder)),
        *_tiny(readable),
        *_misnamed(readable),
        *_rotated(readable),
        *(DataIssue(*note) for note in folder.notes if note.severity == "note"),
        *(DataIssue(*note) for note in names_unknown(folder.classes)),
    )


def _unreadable(images: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    unreadable = [(image.name, info.problem) for image, info in images if info.problem]
    if unreadable:
        yield DataIssue(
            "unreadable",
            "warning",
            f"{len(unreadable)} of {count(len(images), 'image')} cannot be read and "
            f"{are(unreadable)} left out: "
            f"{first([f'{name!r} ({problem})' for name, problem in unreadable])}. "
            f"Replace or delete {them(unreadable)}.",
            tuple(f"{name}: {problem}" for name, problem in unreadable),
        )


def _no_class(folder: ImageFolder) -> Iterator[DataIssue]:
    folders, loose = folders_without_class(folder), loose_images(folder)
    others = not_followed(folder)
    sentences = []
    if folders:
        listed = first([f"{name!r} ({reason})" for name, reason in folders.items()])
        sentences.append(f"{count(len(folders), 'folder')} became no class: {listed}.")
    if loose:
        sentences.append(
            f"{count(len(loose), 'image')} {are(loose)} in no class folder and left out: "
            f"{_first_quoted(loose)}."
        )
    if others:
        listed = first([f"{name!r} ({reason})" for name, reason in others.items()])
        sentences.append(f"{count(len(others), 'entry', 'entries')} passed over: {listed}.")
    if sentences:
        yield DataIssue("no_class", "warning", " ".join(sentences), (*folders, *loose, *others))


def _conflicting_labels(folder: ImageFolder, groups: Groups) -> Iterator[DataIssue]:
    conflicts = [group for group in groups if len({*map(_learned, group)}) > 1]
    named = _first_quoted(sorted({folder.classes[i.label] for group in conflicts for i in group}))
    how, keep = f"in more than one class ({named}) and left out", "Keep each one in its right class"
    if folder.has_strata:
        what = "labels" if folder.task == LABELS else "numbers"
        how, keep = f"stored more than once, with different {what}", "All count. Keep the right one"
    if conflicts:
        yield DataIssue(
            "conflicting_labels",
            "warning",
            f"{count(len(conflicts), 'image')} {are(conflicts)} {how}: {pairs_of(conflicts)}. "
            f"{keep} only.",
            names_of(conflicts),
        )


def _learned(image: LabeledImage) -> str:
    """Return what is learned of an image, as a key; NaN is like NaN."""
    return str(image.target or image.label)


def _leak(folder: ImageFolder, groups: Groups) -> Iterator[DataIssue]:
    own = [g for g in groups if folder.has_strata or len({image.label for image in g}) == 1]
    leaks = [group for group in own if len({image.split for image in group}) > 1]
    if leaks:
        yield DataIssue(
            "leak",
            "warning",
            f"{count(len(leaks), 'image')} {are(leaks)} in more than one of train, val and "
            f"test: {pairs_of(leaks)}. The copies in train (or in val, if test has the image too) "
            "are left out: accuracy on images seen in training means nothing.",
            names_of(leaks),
        )


def _duplicate(folder: ImageFolder, groups: Groups) -> Iterator[DataIssue]:
    duplicates: list[list[LabeledImage]] = []
    for group in groups:
        alike: dict[tuple[str, str | None], list[LabeledImage]] = defaultdict(list)
        for image in group:
            alike[_learned(image), image.split].append(image)
        duplicates += [copies for copies in alike.values() if len(copies) > 1]
    if duplicates:
        spare = sum(len(group) - 1 for group in duplicates)
        where = "" if folder.has_strata else " in the same class"
        yield DataIssue(
            "duplicate",
            "note",
            f"{count(len(duplicates), 'image')} {are(duplicates)} stored more than once{where} "
            f"({count(spare, 'spare copy', 'spare copies')}): {pairs_of(duplicates)}. "
            "Copies stay together in one split; delete the spare ones, they add no information.",
            names_of(duplicates),
        )


def _placeholder(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    names = [image.name for image, _ in readable if _PLACEHOLDER.search(image.path.name)]
    if names:
        yield DataIssue(
            "placeholder",
            "warning",
            f"{count(len(names), 'image')} {are(names)} named like a website's placeholder: "
            f"{_first_quoted(names)}. Look at {them(names)}, and delete any that shows no class.",
            tuple(names),
        )


def _rare_labels(folder: ImageFolder, readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    """Yield the labels that few images have, and those that hardly any image lacks."""
    if folder.task != LABELS:
        return
    targets = np.array([image.target for image, _ in readable if image.split in (None, "train")])
    for named, counts in (("have", targets == 1), ("lack", targets == 0)):
        few = [
            (name, int(n))
            for name, n in zip(folder.outputs, counts.sum(axis=0), strict=True)
            if n < FEW_IMAGES
        ]
        if few:
            shown = ", ".join(f"{name!r} ({n})" for name, n in few[:3])
            more = f" and {len(few) - 3} more" if len(few) > 3 else ""
            of = " for training" if folder.images[0].split else ""
            yield DataIssue(
                "few",
                "warning",
                f"Fewer than {FEW_IMAGES} images{of} {named} the label {shown}{more}: too few to "
                "learn it well, and to tell how well. Add images, or leave the label out.",
                tuple(name for name, _ in few),
            )


def _imbalance(folder: ImageFolder, readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    counts = [0] * len(folder.classes)
    for image, _ in readable:
        counts[image.label] += image.split in (None, "train")
    usable = "for training" if folder.images[0].split else "that can be read"
    largest, smallest = max(counts), min(counts)
    if largest > IMBALANCE * smallest:
        most, least = (folder.classes[counts.index(count)] for count in (largest, smallest))
        few = f"{smallest} ({largest / smallest:.1f} to 1)" if smallest else "none"
        yield DataIssue(
            "imbalance",
            "warning",
            f"{most!r} has {count(largest, 'image')} {usable}, {least!r} has {few}. Add images "
            "to the small classes, or make all classes count the same in training "
            "(--class-weights).",
            (most, least),
        )
    small = [label for label, count in enumerate(counts) if count < FEW_IMAGES]
    if small:
        listed = first([f"{folder.classes[label]!r} ({counts[label]})" for label in small])
        yield DataIssue(
            "few",
            "note",
            f"{count(len(small), 'class has', 'classes have')} fewer than {FEW_IMAGES} images "
            f"{usable}: {listed}. Accuracy on so few is a rough estimate; add images if you can.",
            tuple(folder.classes[label] for label in small),
        )


def _tiny(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    names = [image.name for image, info in readable if min(info.width, info.height) < TINY_SIDE]
    if names:
        yield DataIssue(
            "tiny",
            "warning",
            f"{count(len(names), 'image')} {are(names)} smaller than {TINY_SIDE} pixels on the "
            f"short side: {_first_quoted(names)}. Replace {them(names)} with larger versions if "
            "you can.",
            tuple(names),
        )


def _misnamed(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    formats = {
        image.name: info.format
        for image, info in readable
        if EXTENSIONS.get(PurePosixPath(image.name).suffix.lower(), info.format) != info.format
    }
    if formats:
        yield DataIssue(
            "misnamed",
            "warning",
            f"{count(len(formats), 'image has', 'images have')} another format than the "
            f"extension says: {first([f'{name!r} is {kind}' for name, kind in formats.items()])}. "
            f"tlearn goes by the content, but other programs may fail: rename {them(formats)}.",
            tuple(formats),
        )


def _rotated(readable: Sequence[ImageWithInfo]) -> Iterator[DataIssue]:
    names = [image.name for image, info in readable if info.rotated]
    if names:
        yield DataIssue(
            "rotated",
            "note",
            f"{count(len(names), 'image')} {are(names)} stored rotated or flipped, with an EXIF "
            f"tag that sets {them(names)} upright. Apply the tag in your own code too, or the "
            "model sees such images lying on their side.",
            tuple(names),
        )


def _first_quoted(names: Sequence[str]) -> str:
    return first([repr(name) for name in names])


def pairs_of(groups: Groups) -> str:
    """Return two images of each of the first groups, as in `'a.png' = 'b.png'`."""
    return first([f"{group[0].name!r} = {group[1].name!r}" for group in groups])


def names_of(groups: Groups) -> tuple[str, ...]:
    """Return the names of all images of groups."""
    return tuple(image.name for group in groups for image in group)
