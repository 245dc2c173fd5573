"""The images of a run, found again, and new ones beside them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tlearn.commands.session import Session
from tlearn.data.extension import Earlier
from tlearn.data.groups import looks
from tlearn.data.image_folder import ImageFolder, LabeledImage, scan
from tlearn.data.local_source import is_table, locate
from tlearn.data.notes import archive_names, composed, names_alike
from tlearn.data.targets import CLASSES, LABELS, NO_LABEL, NUMBER, strata
from tlearn.data.walk import natural_key
from tlearn.errors import DataError, pasted, quoted
from tlearn.evaluation.sorting import class_folders
from tlearn.runs.provenance import read_provenance
from tlearn.runs.trained_run import TrainedRun

_SHOWN = 3


@dataclass(frozen=True)
class Relabeled:
    """A new image that the run has in another class, which counts.

    Attributes:
        image: Its name.
        new_class: Its class among the new images.
        old_image: The image of the run that shows the same.
        old_class: The class of that one.
    """

    image: str
    new_class: str
    old_image: str
    old_class: str


@dataclass(frozen=True)
class Additions:
    """The images of a run, and those that are added to them.

    Attributes:
        folder: The images of the run as `split.csv` has them, then the new ones.
        earlier: The split of the run.
        prefix: What the names of the new images begin with.
        new_classes: Classes that the run does not have; they come after its own.
        copies: New images that the run has in the same class, and that are not counted twice.
        relabeled: New images that the run has in another class.
    """

    folder: ImageFolder
    earlier: Earlier
    prefix: str
    new_classes: tuple[str, ...]
    copies: tuple[str, ...]
    relabeled: tuple[Relabeled, ...]

    @property
    def new_images(self) -> Sequence[LabeledImage]:
        """Return the images that are added, with those that cannot be used."""
        return self.earlier.new_images(self.folder)


def find_additions(session: Session, run: TrainedRun, images: Path) -> Additions:
    """Find the images of a run again, and those of a folder that it does not have.

    Args:
        session: Its source is where the run's images are; its recipe is that of the run.
        run: The run.
        images: Folder, CSV or archive of new images.

    Raises:
        DataError: The run's images are gone or have changed, or there are no new ones.
    """
    new = scan(images, run.labels, lambda: session.cache, task=run.plan.task)
    sorted_into = {folder: label for label, folder in class_folders(run.labels).items()}
    new = replace(new, classes=tuple(sorted_into.get(name, name) for name in new.classes))
    old, known = _old_images(run, images)
    strangers: tuple[Path, ...] = ()
    if (unknown := session.requested.recipe.unknown) or is_table(session.source):
        again = session.scan_folder()  # of what is no class, and the groups of a table
        groups = {image.name: image.group for image in again.images}
        old = [replace(image, group=groups.get(image.name)) for image in old]
        taken = {n for n, name in enumerate(new.classes) if unknown and _is_called(name, unknown)}
        strangers = (*again.strangers, *(i.path for i in new.images if i.label in taken))
        new = replace(new, images=tuple(i for i in new.images if i.label not in taken))
    prefix = _prefix(images, new, run.folder.resolve(), session.source)
    kept, copies, relabeled = _without_copies(run, images, new, prefix, known)
    every = [*old, *(replace(image, name=prefix + image.name) for image in kept)]
    if run.plan.task == CLASSES:
        names = [of.classes[i.label] for of, own in ((run.manifest, old), (new, kept)) for i in own]
        added = tuple(sorted({*names} - {*run.labels}, key=natural_key))
        classes = (*run.labels, *added)
    else:  # strata of all images together; no label is new, or scanning had refused it
        names = strata(run.plan.task, run.labels, np.array([image.target for image in every]))
        classes, added = tuple(sorted({*names}, key=natural_key)), ()
    labeled = [
        replace(image, label=classes.index(name)) for image, name in zip(every, names, strict=True)
    ]
    notes = [note for note in new.notes if note.kind != "names_alike"]
    folder = replace(
        new,
        root=run.folder.resolve(),
        classes=classes,
        images=tuple(labeled),
        layout="csv" if is_table(session.source) else "classes",
        notes=(*notes, *names_alike(classes)),
        strangers=strangers,
    )
    provenance = read_provenance(run.directory)
    before = provenance.added if provenance else ()
    earlier = Earlier(run.manifest, (*before, prefix))
    return Additions(folder, earlier, prefix, added, copies, relabeled)


def _old_images(
    run: TrainedRun, images: Path
) -> tuple[list[LabeledImage], Mapping[str, LabeledImage]]:
    """Return the images of the run, and what each looks like to the image."""
    manifest = run.manifest
    paths = locate(run.folder.resolve(), manifest.names)
    store = run.decode(paths)
    pairs = zip(manifest.names, manifest.digests, store.infos, strict=True)
    changed = [name for name, digest, info in pairs if info.sha256 != digest]
    if changed:
        more = ", ..." if len(changed) > _SHOWN else ""
        raise DataError(
            f"{len(changed):,} of the {len(manifest.names):,} images of the run "
            f"{quoted(run.directory.path)} are missing from {quoted(run.folder)} or have changed: "
            f"{', '.join(map(repr, changed[:_SHOWN]))}{more}",
            "name the place where they are now, as they were: tlearn update "
            f"{pasted(run.directory.path)} {pasted(images)} --folder FOLDER",
        )
    targets = [()] * len(paths) if manifest.targets is None else manifest.targets.tolist()
    facts = zip(paths, manifest.names, manifest.labels.tolist(), targets, strict=True)
    old = [
        LabeledImage(path, name, label, target=tuple(target)) for path, name, label, target in facts
    ]
    return old, dict(zip(map(looks, store.infos), old, strict=True))


def _without_copies(
    run: TrainedRun,
    images: Path,
    new: ImageFolder,
    prefix: str,
    known: Mapping[str, LabeledImage],
) -> tuple[list[LabeledImage], tuple[str, ...], tuple[Relabeled, ...]]:
    """Return the new images that the run does not have, and those that it does."""
    kept, copies, relabeled, n_readable = [], [], [], 0
    infos = run.decode([image.path for image in new.images]).infos
    for image, info in zip(new.images, infos, strict=True):
        old = known.get(looks(info)) if info.problem is None else None
        if old is None:
            kept.append(image)
            n_readable += info.problem is None
            continue
        name, now = prefix + image.name, _answer(image, new.classes, run)
        if now == (before := _answer(old, run.labels, run)):
            copies.append(name)
        else:
            relabeled.append(Relabeled(name, now, old.name, before))
    if n_readable:
        return kept, tuple(copies), tuple(relabeled)
    if not copies and not relabeled:
        raise DataError(
            f"no image in {quoted(images)} can be read",
            f"name other images: tlearn update {pasted(run.directory.path)} NEW",
        )
    other = f", {len(relabeled)} of them in another class" if relabeled else ""
    raise DataError(
        f"{quoted(images)} has nothing new: the run has all of its images{other}",
        "to correct classes, correct the folder of the run and train again: tlearn finetune FOLDER"
        if relabeled
        else f"name images that it does not have: tlearn update {pasted(run.directory.path)} NEW",
    )


def _answer(image: LabeledImage, classes: Sequence[str], run: TrainedRun) -> str:
    """Return what is to be learned of an image, in words."""
    if run.plan.task == NUMBER:
        return str(image.target[0])
    if run.plan.task == LABELS:
        pairs = zip(run.labels, image.target, strict=True)
        return ", ".join(name for name, value in pairs if value == 1) or NO_LABEL
    return classes[image.label]


def _is_called(name: str, unknown: str) -> bool:
    """Return whether a class is the one whose images are of no class; see `take_unknown`."""
    return composed(name) in (composed(unknown), composed(Path(unknown).name))


def _prefix(images: Path, new: ImageFolder, root: Path, source: Path) -> str:
    """Return what the names of new images begin with: their place, seen from the run's folder.

    What was unpacked is named by its archive, which outlives the cache. The place is absolute where
    the run's own images were unpacked, or are on another drive.
    """
    place = images.resolve() if archive_names(new.notes) and images.is_file() else new.root
    if root in (source.resolve(), source.resolve().parent) and root.drive == place.drive:
        place = Path(os.path.relpath(place, root))
    return "" if place == Path() else f"{place.as_posix().rstrip('/')}/"
