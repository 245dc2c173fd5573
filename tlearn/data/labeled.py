"""Labeled images of another folder whose classes a trained model knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlearn.data.image_folder import scan
from tlearn.data.notes import reading
from tlearn.errors import DataError, quoted


def labeled_images(path: Path, labels: Sequence[str]) -> list[tuple[Path, int]]:
    """List the images that a model can be scored on: the test split, else val, else all.

    Args:
        path: An image folder, or a CSV file; it need not have every class of the model.
        labels: The model's labels, in the order of its output.

    Returns:
        Each file with the index of its class in `labels`.

    Raises:
        DataError: The folder cannot be used, or has a class that the model does not know.
    """
    folder = scan(path, known_classes=labels)
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
    splits = {image.split for image in folder.images}
    split = next((name for name in ("test", "val") if name in splits), None)
    return [
        (image.path, labels.index(folder.classes[image.label]))
        for image in folder.images
        if split is None or image.split == split
    ]


def _first(labels: Sequence[str], count: int) -> str:
    more = f" and {len(labels) - count} more" if len(labels) > count else ""
    return ", ".join(map(repr, labels[:count])) + more
