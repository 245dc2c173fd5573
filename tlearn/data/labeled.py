"""Pictures of another folder whose classes a finished model knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlearn.data.image_folder import scan
from tlearn.errors import DataError


def labeled_images(folder: Path, labels: Sequence[str]) -> list[tuple[Path, int]]:
    """Files of the folder's test split, or val, or all, with their index in the model's labels.

    Raises:
        DataError: The folder cannot be used, or has a class that the model does not know.
    """
    found = scan(folder)
    unknown = [name for name in found.classes if name not in labels]
    if unknown:
        raise DataError(
            f"{folder} has classes that the model does not know: {', '.join(unknown[:5])}",
            f"it knows {', '.join(labels[:8])}; rename the folders to match",
        )
    splits = {image.split for image in found.images}
    split = next((name for name in ("test", "val") if name in splits), None)
    return [
        (image.path, labels.index(found.classes[image.label]))
        for image in found.images
        if split is None or image.split == split
    ]
