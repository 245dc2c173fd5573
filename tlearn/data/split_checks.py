"""Splits that cannot be trained on, and why."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from tlearn.data.counted import first
from tlearn.data.image_folder import ImageFolder
from tlearn.data.manifest import SplitRow, train_groups
from tlearn.data.notes import archive_names, listed
from tlearn.data.targets import CLASSES
from tlearn.errors import DataError, quoted


def check_existing_splits(folder: ImageFolder, rows: Sequence[SplitRow]) -> None:
    """Refuse splits of a folder that have a class without images in train, or no usable image."""
    trained = {image.label for image in folder.images if image.split == "train"}
    for image in folder.images:
        if image.label not in trained and folder.task == CLASSES:
            known = [folder.classes[label] for label in sorted(trained)]
            name = folder.classes[image.label]
            similar = difflib.get_close_matches(name, known, 1)
            hint = f"rename it if it is {similar[0]!r}, or " if similar else ""
            raise DataError(
                f"{image.split} has the class {name!r}, train does not",
                hint + "add images of it to train",
            )
    for split in {str(image.split) for image in folder.images} - {row.split for row in rows}:
        raise DataError(
            f"no image of the {split} split can be used",
            "replace images that cannot be read, and keep each image in one class only",
        )


def check_train(folder: ImageFolder, rows: Sequence[SplitRow], given: Sequence[SplitRow]) -> None:
    """Refuse a split that leaves a class nothing to learn from, or none at all to test on.

    Args:
        folder: Classes and files.
        rows: The split.
        given: The split before images were left out that stand in another part too.
    """
    groups, given_groups = train_groups(rows), train_groups(given)
    small = [label for label in range(len(folder.classes)) if len(groups.get(label, ())) < 2]
    names = first([repr(folder.classes[label]) for label in small])
    if folder.task != CLASSES:  # their strata may be empty
        enough = len({row.group for row in rows if row.split == "train"}) > 1
        small, names = [] if enough else sorted({row.label for row in rows}), ""
    where = f" in {names}" if names else ""
    if any(len(given_groups.get(label, ())) >= 2 for label in small):
        kept, all_ = (
            sum(row.split == "train" and row.label in small for row in of) for of in (rows, given)
        )
        raise DataError(
            f"train repeats val or test: {all_ - kept} of {all_} images"
            f"{' of ' * bool(names)}{names} are copies of images there, or of one group with them",
            "keep each image, and each group, in one part only; or remove the part that is a copy: "
            "tlearn then divides train itself",
        )
    if any(len({row.digest for row in given if row.label == label}) > 1 for label in small):
        raise DataError(
            f"all images to train on{where} are of one group (copies are one group, too)",
            "add images of another group, or divide image by image: --groups off",
        )
    if small:
        raise DataError(
            f"fewer than two different images to train on{where}",
            "labels that hardly two images share are no classes: --task number, or --task labels"
            if folder.layout == "csv" and 2 * len(small) > len(folder.classes) > 2
            else "add images that can be read (copies of one file count once)"
            + ", or remove the class" * bool(names),
        )
    if all(row.split == "train" for row in rows):
        raise DataError(
            f"too few images in {named(folder)}: none is left to test on",
            "give at least one class three different images (or groups), better every class ten",
        )


def named(folder: ImageFolder) -> str:
    """Return a folder as its person named it: an archive's place in the cache says nothing."""
    return listed(archive_names(folder.notes)) or quoted(folder.root)
