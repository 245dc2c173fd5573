"""The images of a folder or a CSV file, with the class and the split of each.

Three layouts are understood:

    classes   root/<class>/**/<image>
    splits    root/<train|val|test>/<class>/**/<image>
    csv       a table with the columns path, label and, optionally, split and group

An archive, and a table with images in it, is unpacked into the cache and read like a folder.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tlearn.data.folder_targets import target_rows
from tlearn.data.foreign import contents_of, file_error, is_stand_in, run_error
from tlearn.data.layouts import find_images
from tlearn.data.local_source import address_of, is_table, local_source
from tlearn.data.notes import FolderNote, Row, composed, join_forms, names_alike
from tlearn.data.other_tasks import labels_hint, table_in
from tlearn.data.parts import SPLIT_NAMES, SPLITS
from tlearn.data.table_rows import scan_table
from tlearn.data.targets import CLASSES, LABELS, NUMBER, ONE_CLASS
from tlearn.data.walk import Walk, list_entries, natural_key
from tlearn.errors import DataError, pasted, quoted
from tlearn.storage.cache import open_cache

__all__ = ["SPLITS", "SPLIT_NAMES", "ImageFolder", "LabeledImage", "list_images", "scan"]


@dataclass(frozen=True)
class LabeledImage:
    """One image with its class.

    Attributes:
        path: Absolute path of the file.
        name: Path relative to the folder, with forward slashes; the key in manifests.
        label: Index of its class in `ImageFolder.classes`.
        split: "train", "val" or "test" if the layout says so; otherwise None.
        group: What it shares with images that have to stay with it, by a CSV; otherwise None.
        target: What is to be learned of it where that is no class: for each of
            `ImageFolder.outputs`, 0 or 1 or NaN, or the number.
    """

    path: Path
    name: str
    label: int
    split: str | None = None
    group: str | None = None
    target: tuple[float, ...] = ()


@dataclass(frozen=True)
class ImageFolder:
    """The classes and images of a folder, in an order that does not depend on the file system.

    Attributes:
        root: Absolute path of the folder.
        classes: Class names in natural order ("2" before "10"), or those of strata.
        images: Images by split, class and name.
        layout: "classes", "splits" or "csv".
        ignored: Names of files and folders that are neither images nor classes.
        notes: What was guessed, joined or left aside, for the findings.
        strangers: Files that show none of the classes, to teach which images to refuse.
        task: What is learned of an image, see `targets`.
        outputs: Names of the labels, or of the number; none where classes are learned.
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[LabeledImage, ...]
    layout: str
    ignored: tuple[str, ...] = ()
    notes: tuple[FolderNote, ...] = ()
    strangers: tuple[Path, ...] = ()
    task: str = CLASSES
    outputs: tuple[str, ...] = ()

    @property
    def has_strata(self) -> bool:
        """Return whether `classes` are strata, so that copies may stand in two of them."""
        return self.task in (LABELS, NUMBER)


def scan(
    path: Path,
    known_classes: Sequence[str] = (),
    cache: Callable[[], Path] = open_cache,
    examined: bool = False,
    task: str | None = None,
) -> ImageFolder:
    """List the images of a folder or a CSV file with their classes, without decoding any.

    Args:
        path: A folder in one of the layouts of this module, a .csv or .tsv file, or an archive of
            such a folder.
        known_classes: Those of a model that is to be scored: a single class is enough then.
            Of a model of labels or a number, these, or its name.
        cache: Called for the folder that archives are unpacked into.
        examined: Whether nothing is to be trained on: a single class is enough then, too.
        task: What is learned of an image; None takes classes of a folder, and what a table has.

    Raises:
        DataError: There are fewer than two classes with images; the hint says how to arrange them.
    """
    local, notes = _local(path, cache)
    try:
        folder = _scan_local(local, known_classes, examined, task)
    except DataError as error:
        if not notes:
            raise
        named = f"'{address_of(path) or path}'"  # not the folder of the cache
        raise DataError(error.message.replace(f"'{local}'", named), error.hint) from error
    return replace(folder, notes=(*notes, *folder.notes))


def _scan_local(
    local: Path, known_classes: Sequence[str], examined: bool, task: str | None
) -> ImageFolder:
    if error := run_error(local):
        raise error
    if local.is_dir():
        folder = _scan_folder(local.resolve(), known_classes, task)
    elif is_table(local) and not is_stand_in(local):
        folder = _scan_csv(local.resolve(), known_classes, task)
    else:
        raise file_error(local)
    if folder.task != CLASSES:
        return folder
    if len(folder.classes) == 1 and composed(folder.classes[0]) not in map(composed, known_classes):
        _refuse_one_class(folder, bool(known_classes), examined)
    return folder


def _local(path: Path, cache: Callable[[], Path]) -> tuple[Path, tuple[FolderNote, ...]]:
    """Return what a path or an address stands for on this machine."""
    path = Path(os.path.expanduser(str(path).removeprefix("file:")))
    if not address_of(path):
        _ensure_exists(path)
    return local_source(path, cache)


def list_images(paths: Sequence[Path]) -> list[Path]:
    """List images without labels.

    Args:
        paths: Files, which are taken as they are, and folders, which are searched recursively in
            natural order.

    Returns:
        Absolute paths, each once.

    Raises:
        DataError: A path does not exist, or there are no images.
    """
    images: list[Path] = []
    for given in paths:
        path = _local(given, open_cache)[0].absolute()
        names = Walk(path).images("") if path.is_dir() else [""]
        images += [path / name for name in sorted(names, key=natural_key)]
    if not images:
        where = f" in {', '.join(map(quoted, paths))}" if paths else ""
        raise DataError(f"there are no images{where}", "name image files, or a folder with images")
    return list(dict.fromkeys(images))


def list_names(path: Path, cache: Callable[[], Path]) -> tuple[Path, list[str]]:
    """List the images of a folder, a table or an archive, without asking for classes.

    Args:
        path: What `scan` takes, or a folder of images in any arrangement.
        cache: Called for the folder that archives are unpacked into.

    Returns:
        The folder, and paths relative to it with forward slashes, in no order. Those of all images
        that `scan` finds are among them.

    Raises:
        DataError: There are no images.
    """
    local = _local(path, cache)[0]
    if local.is_dir() and not run_error(local):
        root = local.resolve()
        if names := Walk(root).images(""):
            return root, names
    folder = scan(path, cache=cache, examined=True)
    return folder.root, [image.name for image in folder.images]


def _ensure_exists(path: Path) -> None:
    if path.exists():
        return
    path = path.absolute()
    if path.is_symlink():
        raise DataError(
            f"{quoted(path)} is a link that leads nowhere",
            f"look where it should lead: ls -l {pasted(path)}",
        )
    parent = next(folder for folder in path.parents if folder.is_dir())
    names = [entry.name for entry in list_entries(parent)]
    similar = difflib.get_close_matches(path.relative_to(parent).parts[0], names, 1, 0.5)
    hint = f"look into the nearest folder that exists: '{parent}'"  # `quoted` may give '.'
    if similar:
        meant = parent / similar[0]
        shown = f"'{meant}'" if meant == Path.cwd() else quoted(meant)
        hint = f"did you mean {shown}?"
    raise DataError(f"{quoted(path)} does not exist", hint)


def _scan_folder(root: Path, known: Sequence[str], task: str | None) -> ImageFolder:
    walk = Walk(root)
    if task == ONE_CLASS and walk.children("")[1] and not walk.class_folders(""):
        rows, outputs = target_rows(
            root, [Row(n, root.name, None) for n in walk.images("")], task, known
        )
        folder = _image_folder(root, rows, "classes", (), walk.ignored)
        return replace(folder, task=task, outputs=outputs)
    found = find_images(walk, bool(known))
    rows, outputs = found.rows, tuple[str, ...]()
    if task not in (None, CLASSES):
        rows, outputs = target_rows(root, rows, task, known)
        known = ()
    folder = _image_folder(root, rows, found.layout, known, walk.ignored)
    notes = (*found.notes, *folder.notes)
    return replace(folder, notes=notes, task=task or CLASSES, outputs=outputs)


def _image_folder(
    root: Path,
    rows: Sequence[Row],
    layout: str,
    known: Sequence[str],
    ignored: Sequence[str] = (),
) -> ImageFolder:
    rows, notes = join_forms(rows, known)
    classes = sorted({row.class_name for row in rows}, key=natural_key)
    if not classes:
        what, hint = contents_of(root)
        raise DataError(
            f"there are no images in {quoted(root)}{what}",
            hint or "name a folder with one subfolder of images per class: tlearn suggest FOLDER",
        )
    labels = {name: label for label, name in enumerate(classes)}
    images = [
        LabeledImage(root / row.name, row.name, labels[row.class_name], *row[2:]) for row in rows
    ]
    images.sort(key=lambda i: (SPLITS.index(i.split or "train"), i.label, natural_key(i.name)))
    strays = tuple(sorted(ignored, key=natural_key))
    notes += tuple(names_alike(classes))
    return ImageFolder(root, tuple(classes), tuple(images), layout, strays, notes)


def _refuse_one_class(folder: ImageFolder, scored: bool, examined: bool) -> None:
    """Say what is wrong with a folder of one class, unless it is not to be trained on."""
    root, name = folder.root, folder.classes[0]
    inner = root / name
    while inner.is_dir():
        walk = Walk(inner)
        deeper = walk.class_folders("")
        if walk.children("")[1] or not deeper:
            break
        if len(deeper) > 1:
            raise DataError(
                f"{quoted(root)} has its class folders one level deeper",
                f"name the folder inside it: tlearn suggest {quoted(inner)}",
            )
        inner /= deeper[0]
    table, hint = (table_in(root), labels_hint(root)) if folder.layout != "csv" else (None, "")
    if not scored and (table or not examined):
        of_table = folder.layout == "csv"
        raise DataError(
            f"{'the table in ' if of_table else ''}{quoted(root)} has only one class: {name!r}",
            hint
            or f"add {'rows' if of_table else 'a subfolder'} with images of something else, or "
            "learn what is unlike these: --task one-class",
        )


def _scan_csv(path: Path, known: Sequence[str], task: str | None) -> ImageFolder:
    table = scan_table(path, bool(known), task, known)
    if not table.rows:
        raise DataError(
            f"{quoted(path)} lists no images",
            "add a row for each, as in photo.jpg,cat: tlearn suggest TABLE.csv",
        )
    folder = _image_folder(path.parent, table.rows, "csv", known if not table.outputs else ())
    of_names = names_alike(table.outputs) if table.outputs else folder.notes  # not of strata
    notes = (*table.notes, *of_names)
    return replace(folder, notes=notes, task=table.task, outputs=table.outputs)
