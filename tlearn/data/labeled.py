"""Labeled images of another folder whose classes a trained model knows, and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlearn.data.copy_findings import find_copies
from tlearn.data.group_likeness import likeness
from tlearn.data.groups import GroupRule, find_groups, join_groups, looks
from tlearn.data.image_folder import ImageFolder, LabeledImage, scan
from tlearn.data.notes import reading
from tlearn.data.pixel_store import PixelStore
from tlearn.data.targets import CLASSES
from tlearn.errors import DataError, quoted
from tlearn.progress import StepProgress


@dataclass(frozen=True)
class Shared:
    """Which of n images an interval may not count as independent.

    Attributes:
        groups: (n,) what images of a group share.
        copies: (n,) what copies of one image share; a group has all of them.
        by: What tells the groups, for a person: "copies", "names (personN)".
    """

    groups: tuple[str, ...]
    copies: tuple[str, ...]
    by: tuple[str, ...] = ()

    def of(self, rows: Sequence[int]) -> Shared:
        """Return the same of some of the images."""
        groups, copies = (tuple(keys[row] for row in rows) for keys in (self.groups, self.copies))
        return Shared(groups, copies, self.by)


def labeled_folder(path: Path, labels: Sequence[str], task: str = CLASSES) -> ImageFolder:
    """List the images that a model can be scored on: the test split, else val, else all.

    Args:
        path: An image folder, or a CSV file; it need not have every class of the model.
        labels: The model's labels, in the order of its output.
        task: What the model answers.

    Returns:
        These images, with `labels` for its classes, or its outputs.

    Raises:
        DataError: The folder cannot be used, or has a class that the model does not know.
    """
    folder = scan(path, known_classes=labels, task=task)
    if task != CLASSES:
        return replace(folder, images=_scored(folder))
    unknown = [name for name in folder.classes if name not in labels]
    if unknown:
        similar = [known for name in unknown for known in labels if reading(known) == reading(name)]
        raise DataError(
            f"{quoted(path)} has classes that the model does not know: {_first(unknown, 5)}; it "
            f"knows {_first(labels, 5)}",
            f"rename {unknown[0]!r} if it is {similar[0]!r}: tlearn evaluate RUN FOLDER"
            if similar
            else "name the model that was trained on such classes, as in: tlearn runs",
        )
    images = tuple(
        replace(image, label=labels.index(folder.classes[image.label])) for image in _scored(folder)
    )
    return replace(folder, classes=tuple(labels), images=images)


def _scored(folder: ImageFolder) -> tuple[LabeledImage, ...]:
    """Return the images of the test split, else of val, else all."""
    splits = {image.split for image in folder.images}
    split = next((name for name in ("test", "val") if name in splits), None)
    return tuple(image for image in folder.images if split is None or image.split == split)


def shared_by(
    folder: ImageFolder, store: PixelStore, rule: GroupRule, progress: StepProgress
) -> Shared:
    """Find the images of a folder that show the same, or belong together.

    Args:
        folder: The images.
        store: Their pixels; `store.infos[i]` belongs to `folder.images[i]`.
        rule: Of the run. Its pattern need not match here: names are looked at then.
        progress: Called with (done, total).
    """
    infos = store.infos
    copies = find_copies(store, progress)
    alike = likeness(folder.images, store)
    found = find_groups(folder, infos, rule, alike)
    if found and not any(found.keys):
        found = find_groups(folder, infos, replace(rule, pattern=None), alike)
    same = [looks(info) for info in infos]
    keys = found.keys if found else ()
    groups = join_groups(len(infos), same, [group.rows for group in copies], keys)
    by = ["copies"] if copies else []
    if found and found.source in ("names", "pattern"):
        by.append(f"{found.source} ({found.pattern})")
    elif found:
        by.append({"exif": "camera and day"}.get(found.source, f"column {found.pattern}"))
    return Shared(tuple(groups), tuple(same), tuple(by))


def _first(labels: Sequence[str], count: int) -> str:
    more = f" and {len(labels) - count} more" if len(labels) > count else ""
    return ", ".join(map(repr, labels[:count])) + more
