"""Image files sorted into a folder for each class, by what a model says of them.

Files are copied, linked or moved. Nothing is overwritten: a name that is in use gets a number. A
journal gets every move before the first one is made, so that they can be taken back.
"""

from __future__ import annotations

import errno
import filecmp
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tlearn.doctor.journal import Step, forget, move_file, read_steps, write_steps
from tlearn.errors import DataError, pasted, quoted
from tlearn.evaluation.predictions import Prediction
from tlearn.storage.atomic import ensure_writable, os_errors_as_host_errors
from tlearn.storage.names import fit_name, numbered, same_for_some

UNSURE, NONE_OF_THESE = "unsure", "none_of_these"
"""Folders beside those of the classes."""

COPY, LINK, MOVE = WAYS = ("copy", "link", "move")
UNSURE_BELOW = 0.5
"""Below it the other classes together are more probable than the one that is named."""

JOURNAL = ".tlearn-sorted.jsonl"
OTHER_FOLDER = "name another folder: --sort-into FOLDER"


@dataclass(frozen=True)
class Sorting:
    """Where and how image files are sorted.

    Attributes:
        folder: Gets a folder for each class; need not exist.
        how: One of `WAYS`.
        unsure: Images whose class is less probable than this go to `UNSURE`; None for
            `UNSURE_BELOW`, or for 0 where a run says from which probability on it answers a class.
    """

    folder: Path
    how: str = COPY
    unsure: float | None = None

    def __post_init__(self) -> None:
        if self.how not in WAYS:
            raise DataError(
                f"no such way to sort: {self.how!r}", "choose one: --how copy|link|move"
            )


@dataclass(frozen=True)
class Sorted:
    """What was sorted.

    Attributes:
        places: Path of an image to its file, relative to the folder with forward slashes.
        counts: Folder to the number of images in it, the fullest first.
        folders: Class to its folder, where that has another name.
        present: Images whose copy or link was there before.
        left: Path of an image that was left where it is to the reason.
        unsure_below: Images whose class was less probable went to `UNSURE`.
    """

    places: Mapping[str, str]
    counts: Mapping[str, int]
    folders: Mapping[str, str]
    present: int
    left: Mapping[str, str]
    unsure_below: float = UNSURE_BELOW


def check_sorting(sorting: Sorting, sources: Iterable[Path]) -> None:
    """Check that files can be sorted into a folder, before minutes are spent on their classes.

    Args:
        sorting: Where.
        sources: Files and folders that are to be sorted.

    Raises:
        DataError: The folder is in one of the sources, or the other way round.
        HostError: It cannot be written.
    """
    folder = Path(os.path.realpath(sorting.folder))
    for source in sources:
        real = Path(os.path.realpath(source))
        if folder.is_relative_to(real) and real.is_dir():
            where = "the folder" if folder == real else f"inside {quoted(source)},"
            raise DataError(
                f"{quoted(sorting.folder)} is {where} whose images are sorted", OTHER_FOLDER
            )
        if real.is_relative_to(folder):
            raise DataError(
                f"{quoted(source)} is inside {quoted(sorting.folder)}, where images are sorted to",
                OTHER_FOLDER,
            )
    ensure_writable(sorting.folder, OTHER_FOLDER)


def sort_files(
    predictions: Sequence[Prediction], labels: Sequence[str], sorting: Sorting
) -> Sorted:
    """Sort the files of images by their classes; those that could not be read stay.

    Args:
        predictions: Of images named by absolute paths.
        labels: All classes of the model.
        sorting: Where and how.

    Raises:
        DataError: The folder of a class is a link, or no folder.
        HostError: The system refuses; files that were sorted stay so.
    """
    folders = class_folders(labels)
    unsure = UNSURE_BELOW if sorting.unsure is None else sorting.unsure
    left = {
        prediction.name: reason
        for prediction in predictions
        if (reason := _stays(prediction, sorting))
    }
    places: dict[str, str] = {}
    taken: set[str] = set()
    for prediction in predictions:
        if prediction.name not in left:
            folder = _folder_of(prediction, folders, unsure)
            places[prediction.name] = _place(Path(prediction.name), folder, sorting, taken)
    new = {
        name: place for name, place in places.items() if not os.path.lexists(sorting.folder / place)
    }
    _refuse_links(sorting.folder, {place.partition("/")[0] for place in new.values()})
    if sorting.how == MOVE:
        _note_moves(sorting.folder, new)
    with os_errors_as_host_errors(sorting.folder, OTHER_FOLDER):
        for name, place in new.items():
            _file(Path(name), sorting.folder / place, sorting.how)
    counts = Counter(place.partition("/")[0] for place in places.values())
    renamed = {label: folder for label, folder in folders.items() if folder != label}
    present, in_order = len(places) - len(new), dict(counts.most_common())
    return Sorted(places, in_order, renamed, present, left, unsure)


def class_folders(labels: Sequence[str]) -> dict[str, str]:
    """Return the folder of each class: its name, or what a file system takes instead.

    No two classes share one, on no system; `UNSURE` and `NONE_OF_THESE` are no class's.
    """
    taken = {UNSURE, NONE_OF_THESE}
    folders = {}
    for label in sorted(labels, key=lambda label: fit_name(label) != label):
        name = next(name for name in numbered(fit_name(label)) if same_for_some(name) not in taken)
        taken.add(same_for_some(name))
        folders[label] = name
    return folders


def undo_sorting(folder: Path, sources: Sequence[Path]) -> int:
    """Move files back that were moved into a folder last.

    Args:
        folder: Where they were sorted to.
        sources: Where they were; others stay. A journal of somebody else's moves nothing into
            folders that were not named.

    Returns:
        The number of files moved back.

    Raises:
        DataError: None was moved, or a file is there again.
        HostError: The system refuses.
    """
    journal = folder / JOURNAL
    steps = read_steps(journal, sources_inside=False)
    if not steps:
        raise DataError(
            f"nothing was moved into {quoted(folder)} by tlearn predict",
            f"copies and links can be deleted: ls {pasted(folder)}",
        )
    last = [step for step in steps if step.batch == steps[-1].batch]
    named = [os.path.abspath(source) for source in sources]
    ours = [step for step in last if any(Path(step.source).is_relative_to(path) for path in named)]
    if not ours:
        origin = os.path.commonpath([os.path.dirname(step.source) for step in last])
        raise DataError(
            f"what was moved into {quoted(folder)} last was in {quoted(origin)}",
            f"name that: tlearn predict {pasted(origin)} --sort-into {pasted(folder)} --undo",
        )
    moved = [step for step in ours if os.path.lexists(folder / step.target)]
    for step in moved:
        if os.path.lexists(step.source):
            raise DataError(
                f"{quoted(step.source)} is there again, and {quoted(folder / step.target)} cannot "
                "be moved back to it",
                f"rename one of them, then: tlearn predict {' '.join(map(pasted, sources))} "
                f"--sort-into {pasted(folder)} --undo",
            )
    with os_errors_as_host_errors(folder, OTHER_FOLDER):
        for step in reversed(moved):
            _move(folder / step.target, Path(step.source))
        forget(folder, journal, [step for step in steps if step not in ours])
    return len(moved)


def _stays(prediction: Prediction, sorting: Sorting) -> str | None:
    """Return why a file is left where it is; None for one that is sorted."""
    path = Path(prediction.name)
    moved = sorting.how == MOVE and not prediction.problem
    if moved and path.is_symlink() and not os.path.isabs(os.readlink(path)):
        return "it is a relative link, which would lead nowhere from another folder"
    return prediction.problem


def _folder_of(prediction: Prediction, folders: Mapping[str, str], unsure: float) -> str:
    """Return the folder of an image that was read; without a label it is none of the classes."""
    if not prediction.label:
        return NONE_OF_THESE
    return UNSURE if prediction.probability < unsure else folders[prediction.label]


def _place(source: Path, folder: str, sorting: Sorting, taken: set[str]) -> str:
    """Return a place that is free, or where the copy or link that is wanted is already."""
    for place in numbered(f"{folder}/{source.name}"):
        target = sorting.folder / place
        free = not os.path.lexists(target) or (
            sorting.how != MOVE and _is_same(source, target, sorting.how)
        )
        if free and same_for_some(place) not in taken:
            break
    taken.add(same_for_some(place))
    return place


def _is_same(source: Path, target: Path, how: str) -> bool:
    if how == LINK:
        return target.is_symlink() and os.readlink(target) == str(source)
    if target.is_symlink() or not target.is_file():
        return False
    return filecmp.cmp(source, target, shallow=False)


def _refuse_links(folder: Path, names: Iterable[str]) -> None:
    for path in (folder / name for name in sorted(names)):
        if path.is_symlink() or (os.path.lexists(path) and not path.is_dir()):
            raise DataError(
                f"{quoted(path)} is a link or a file, and images go into folders", OTHER_FOLDER
            )


def _note_moves(folder: Path, places: Mapping[str, str]) -> None:
    journal = folder / JOURNAL
    before = read_steps(journal, sources_inside=False)
    batch = before[-1].batch + 1 if before else 1
    write_steps(journal, [*before, *(Step(batch, *pair) for pair in places.items())])


def _file(source: Path, target: Path, how: str) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if how == MOVE:
        _move(source, target)
    elif how == LINK:
        target.symlink_to(source)
    else:
        _copy(source, target)


def _move(source: Path, target: Path) -> None:
    try:
        move_file(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _copy(source, target)  # to another disk
        source.unlink()


def _copy(source: Path, target: Path) -> None:
    with source.open("rb") as original, target.open("xb") as copy:
        try:
            shutil.copyfileobj(original, copy)
        except OSError:
            target.unlink()
            raise
    shutil.copystat(source, target)
