"""Images that are none of the classes: a class folder of such a name, or another folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlearn.data.counted import are, count
from tlearn.data.image_folder import ImageFolder, list_images
from tlearn.data.notes import FolderNote, composed, listed, reading
from tlearn.data.pixel_store import PixelRows, PixelStore, store_pixels
from tlearn.errors import DataError, pasted, quoted
from tlearn.progress import StepProgress

_MOST, _FEWEST = 2_000, 8
"""Images that serve; more of them would not move a mean."""

_TESTED = 4
"""One image of so many is kept to test what the others have taught."""

_NAMES = {"unknown", "background", "other", "others", "none", "noneofthese", "nothing", "rest"}
_NAMES |= {"negative", "negatives"}
"""Names of classes, as `reading` has them, that may be meant for images of no class."""

_HINT = "name a class of the folder, or a folder of images of none: --unknown NAME_OR_FOLDER"


@dataclass(frozen=True, eq=False)
class Strangers:
    """Images that are none of the classes.

    Attributes:
        pixels: Decoded as those of the classes.
        taught: Digests of those that teach.
        tested: Digests of those that are kept to test it.
    """

    pixels: PixelStore
    taught: tuple[str, ...]
    tested: tuple[str, ...]

    def rows(self, digests: Sequence[str]) -> PixelRows:
        """Return some of them, which are read from disk when indexed."""
        return self.pixels.rows(digests)


def take_unknown(folder: ImageFolder, unknown: str) -> ImageFolder:
    """Return a folder with its strangers: a class of it that is none any more, or another folder.

    Args:
        folder: Classes and files.
        unknown: A class of it, by name or path, or another folder.

    Raises:
        DataError: It is neither, or too few classes or no images are left.
    """
    path = Path(unknown).expanduser()
    inside = path.is_dir() and path.resolve().is_relative_to(folder.root)
    named = composed(path.name if inside else unknown)
    label = next((n for n, name in enumerate(folder.classes) if composed(name) == named), None)
    if label is None:
        if inside or not path.exists():
            raise DataError(
                f"{unknown!r} is neither a class of {quoted(folder.root)} nor another folder", _HINT
            )
        return replace(folder, strangers=tuple(list_images([path])))
    if len(folder.classes) < 3:
        raise DataError(
            f"{quoted(folder.root)} has only one class besides {folder.classes[label]!r}",
            "add a class, or train on both: leave out --unknown",
        )
    return replace(
        folder,
        classes=(*folder.classes[:label], *folder.classes[label + 1 :]),
        images=tuple(
            replace(image, label=image.label - (image.label > label))
            for image in folder.images
            if image.label != label
        ),
        strangers=tuple(image.path for image in folder.images if image.label == label),
    )


def read_strangers(
    folder: ImageFolder, own: PixelStore, resize: str, cache: Path, progress: StepProgress
) -> Strangers | None:
    """Decode the strangers of a folder, and keep some of them to test on.

    Which ones is drawn by their digests, so that copies stay on one side.

    Args:
        folder: Its classes and its strangers, if it has any.
        own: The images of the classes; those among the strangers teach nothing.
        resize: How an image becomes square.
        cache: The cache folder, which keeps decoded pixels.
        progress: Called with (done, total).

    Raises:
        DataError: There are too few.
    """
    if not folder.strangers:
        return None
    size, gray_range = own.table.row_shape[0], own.gray_range
    pixels = store_pixels(folder.strangers, size, resize, cache, progress, gray_range)
    readable = {info.sha256 for info in pixels.infos if not info.problem}
    digests = sorted(readable - {info.sha256 for info in own.infos})[:_MOST]
    if len(digests) < _FEWEST:
        among = len(readable) - len(digests)
        also = f", besides {count(among, 'image')} of the classes" if among else ""
        raise DataError(
            f"--unknown names {count(len(digests), 'image')} that can be read{also}; {_FEWEST} are "
            "the fewest that teach what to refuse",
            _HINT,
        )
    n_tested = len(digests) // _TESTED
    return Strangers(pixels, tuple(digests[n_tested:]), tuple(digests[:n_tested]))


def names_unknown(classes: Sequence[str]) -> Iterator[FolderNote]:
    """Yield a note on classes whose names say that they are none; two classes need each other."""
    names = tuple(name for name in classes if reading(name) in _NAMES)
    if names and len(classes) > 2:
        yield FolderNote(
            "unknown_class",
            "note",
            f"{listed(names)} {are(names)} trained as a class like any other, though the name says "
            "that its images are none of the classes. If so, let them teach which images to "
            f"refuse: tlearn finetune FOLDER --unknown {pasted(names[0])}",
            names,
        )
