"""Groups of copies in a folder, and what they do to a split, in sentences for a person."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tlearn.data.image_folder import SPLITS, ImageFolder, LabeledImage
from tlearn.data.inspection import DataIssue, names_of, pairs_of
from tlearn.data.near_copies import EQUAL, NEAR, copy_groups, find_near_copies
from tlearn.data.pixel_store import PixelStore
from tlearn.progress import StepProgress

COPY_KINDS = {"near_copies", "near_copies_across_classes", "near_copies_across_splits"}
COPY_KINDS |= {"duplicate"}
"""Issues that say of copies what the doctor says in more detail."""


@dataclass(frozen=True)
class CopyGroup:
    """Images that show the same.

    Attributes:
        rows: Their numbers in the folder.
        kind: "equal pixels", "near copy", "mirrored" or "part of"; of several, "near copy".
    """

    rows: tuple[int, ...]
    kind: str


def find_copies(pixels: PixelStore, progress: StepProgress | None = None) -> tuple[CopyGroup, ...]:
    """Find the groups of images that show the same.

    Args:
        pixels: The decoded images of a folder.
        progress: Called with (done, total).

    Raises:
        HostError: The cache cannot be written.
    """
    pairs = find_near_copies(pixels, progress)
    groups = copy_groups(pairs)
    number = {row: n for n, group in enumerate(groups) for row in group}
    kinds: list[set[str]] = [set() for _ in groups]
    for pair in pairs:
        if pair.first in number and number[pair.first] == number.get(pair.second):
            kinds[number[pair.first]].add(pair.kind)
    return tuple(
        CopyGroup(tuple(rows), found.pop() if len(found) == 1 else NEAR)
        for rows, found in zip(groups, kinds, strict=True)
    )


def copy_issues(folder: ImageFolder, copies: Sequence[CopyGroup]) -> Iterator[DataIssue]:
    """Yield what is worth knowing about near-copies; equal pixels are told with equal files.

    Args:
        folder: Classes and files.
        copies: From `find_copies`.
    """
    groups = [[folder.images[row] for row in g.rows] for g in copies if g.kind != EQUAL]
    torn = [group for group in groups if len({image.label for image in group}) > 1]
    torn = [] if folder.has_strata else torn
    leaking = [g for g in groups if len({image.split for image in g}) > 1]
    same_side = [g for g in groups if g not in torn and g not in leaking]
    if torn:
        yield DataIssue(
            "near_copies_across_classes",
            "warning",
            f"{_groups(torn)} in more than one class: {pairs_of(torn)}. One of the labels is "
            "wrong, or both are right and the classes overlap.",
            names_of(torn),
        )
    if leaking:
        left_out = sum(map(_left_out, leaking))
        yield DataIssue(
            "near_copies_across_splits",
            "warning",
            f"{_groups(leaking)} in more than one of train, val and test: {pairs_of(leaking)}. "
            f"{_images(left_out)} left out of train (or of val, if test has it too): accuracy on "
            "images seen in training means nothing.",
            names_of(leaking),
        )
    where = "" if folder.has_strata else " in the same class"
    if same_side:
        yield DataIssue(
            "near_copies",
            "note",
            f"{_groups(same_side)}{where}: {pairs_of(same_side)}. Each group stays in one split.",
            names_of(same_side),
        )


def _left_out(group: Sequence[LabeledImage]) -> int:
    """Return how many of a group are left out: all but those in the last split that it is in."""
    places = [SPLITS.index(image.split or "train") for image in group]
    return sum(place < max(places) for place in places)


def _groups(groups: Sequence[Sequence[LabeledImage]]) -> str:
    n = sum(map(len, groups))
    return f"{n:,} images are near copies ({len(groups)} group{'s' * (len(groups) > 1)})"


def _images(n: int) -> str:
    return f"{n:,} image is" if n == 1 else f"{n:,} images are"
