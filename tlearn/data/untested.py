"""Classes of which a folder brings no image to test on."""

from __future__ import annotations

from collections.abc import Iterator

from tlearn.data.counted import first
from tlearn.data.image_folder import ImageFolder
from tlearn.data.notes import FolderNote
from tlearn.data.targets import CLASSES


def untested_classes(folder: ImageFolder) -> Iterator[FolderNote]:
    """Yield a warning where the test split that a folder brings lacks classes; else its val."""
    if folder.task != CLASSES:
        return
    for split in ("test", "val"):
        present = {image.label for image in folder.images if image.split == split}
        if not present:
            continue
        absent = [name for label, name in enumerate(folder.classes) if label not in present]
        if absent:
            listed = first([repr(name) for name in absent])
            yield FolderNote(
                "untested",
                "warning",
                f"{split} has no images of {listed}: accuracy on it says nothing of "
                f"{'this class' if len(absent) == 1 else 'these classes'}. Move some there.",
                tuple(absent),
            )
        return
