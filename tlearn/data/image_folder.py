"""The images of a folder or a CSV file, with the class and the split of each.

Three layouts are understood:

    classes   root/<class>/**/<image>
    splits    root/<train|val|test>/<class>/**/<image>
    csv       a table with the columns path, label and, optionally, split and group
"""

from __future__ import annotations

import difflib
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tlearn.data.image_csv import read_image_csv
from tlearn.data.walk import Walk, list_entries, natural_key
from tlearn.errors import DataError, pasted, quoted
from tlearn.storage.regular_file import kind_of

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {split: split for split in SPLITS} | {"training": "train", "testing": "test"}
SPLIT_NAMES |= {"valid": "val", "validation": "val"}


@dataclass(frozen=True)
class LabeledImage:
    """One image with its class.

    Attributes:
        path: Absolute path of the file.
        name: Path relative to the folder, with forward slashes; the key in manifests.
        label: Index of its class in `ImageFolder.classes`.
        split: "train", "val" or "test" if the layout says so; otherwise None.
        group: What it shares with images that have to stay with it, by a CSV; otherwise None.
    """

    path: Path
    name: str
    label: int
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class ImageFolder:
    """The classes and images of a folder, in an order that does not depend on the file system.

    Attributes:
        root: Absolute path of the folder.
        classes: Class names in natural order ("2" before "10").
        images: Images by split, class and name.
        layout: "classes", "splits" or "csv".
        ignored: Names of files and folders that are neither images nor classes.
    """

    root: Path
    classes: tuple[str, ...]
    images: tuple[LabeledImage, ...]
    layout: str
    ignored: tuple[str, ...] = ()


def scan(path: Path, known_classes: Sequence[str] = ()) -> ImageFolder:
    """List the images of a folder or a CSV file with their classes, without decoding any.

    Args:
        path: A folder in one of the layouts of this module, or a .csv or .tsv file.
        known_classes: Those of a model that is to be scored: a single class is enough then.

    Raises:
        DataError: There are fewer than two classes with images; the hint says how to arrange them.
    """
    path = Path(os.path.expanduser(path))
    _ensure_exists(path)
    if path.is_dir():
        folder = _scan_folder(path.resolve())
    elif path.suffix.lower() in (".csv", ".tsv"):
        folder = _scan_csv(path.resolve(), bool(known_classes))
    else:
        raise DataError(
            f"{quoted(path)} is neither a folder nor a CSV file",
            "name a folder with one subfolder per class, or a .csv with the columns path,label: "
            "tlearn suggest FOLDER",
        )
    if len(folder.classes) == 1 and folder.classes[0] not in known_classes:
        _refuse_one_class(folder.root, folder.classes[0], bool(known_classes))
    return folder


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
    for path in (Path(os.path.expanduser(path)).absolute() for path in paths):
        _ensure_exists(path)
        names = Walk(path).images("") if path.is_dir() else [""]
        images += [path / name for name in sorted(names, key=natural_key)]
    if not images:
        where = f" in {', '.join(map(quoted, paths))}" if paths else ""
        raise DataError(f"there are no images{where}", "name image files, or a folder with images")
    return list(dict.fromkeys(images))


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
    if similar:
        meant = parent / similar[0]  # `quoted` gives '.' for the current folder
        shown = f"'{meant}'" if meant == Path.cwd() else quoted(meant)
        hint = f"did you mean {shown}?"
    else:
        hint = f"look into the nearest folder that exists: '{parent}'"  # `quoted` may give '.'
    raise DataError(f"{quoted(path)} does not exist", hint)


class _Row(NamedTuple):
    name: str
    class_name: str
    split: str | None
    group: str | None = None


def _scan_folder(root: Path) -> ImageFolder:
    walk = Walk(root)
    folders, loose = walk.children("")
    named = {name: SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES}
    splits = {name: split for name, split in named.items() if _class_folders(root / name)}
    if "train" not in splits.values():
        if len(named) > 1 and len(named) == len(folders):
            raise DataError(
                f"{quoted(root)} has {' and '.join(map(repr, folders))}, but no train folder with "
                "class folders",
                "arrange it as train/<class>/..., or name a folder with one subfolder per class",
            )
        return _image_folder(root, _class_rows(walk, folders, loose), "classes", walk.ignored)
    walk.ignored += [*loose, *(name for name in folders if name not in splits)]
    has_splits = len({*splits.values()}) > 1
    rows: list[_Row] = []
    for name, split in splits.items():
        rows += _class_rows(walk, *walk.children(name), split if has_splits else None)
    return _image_folder(root, rows, "splits" if has_splits else "classes", walk.ignored)


def _class_folders(folder: Path) -> list[str]:
    walk = Walk(folder)
    return [name for name in walk.children("")[0] if walk.images(name)]


def _class_rows(
    walk: Walk, folders: Sequence[str], loose: Sequence[str], split: str | None = None
) -> list[_Row]:
    rows: list[_Row] = []
    for folder in folders:
        images = walk.images(folder)
        rows += [_Row(name, Path(folder).name, split) for name in images]
        walk.ignored += [] if images else [folder]
    if not rows and loose:
        images_here = "1 image" if len(loose) == 1 else f"{len(loose)} images"
        raise DataError(
            f"{quoted(walk.root)} has {images_here} but no class folders",
            "make one subfolder per class and move each image into the one of its class",
        )
    walk.ignored += loose
    return rows


def _image_folder(
    root: Path, rows: Sequence[_Row], layout: str, ignored: Sequence[str] = ()
) -> ImageFolder:
    classes = sorted({row.class_name for row in rows}, key=natural_key)
    if not classes:
        raise DataError(
            f"there are no images in {quoted(root)}",
            "name a folder with one subfolder of images per class: tlearn suggest FOLDER",
        )
    labels = {name: label for label, name in enumerate(classes)}
    images = [
        LabeledImage(root / row.name, row.name, labels[row.class_name], row.split, row.group)
        for row in rows
    ]
    images.sort(key=lambda i: (SPLITS.index(i.split or "train"), i.label, natural_key(i.name)))
    strays = tuple(sorted(ignored, key=natural_key))
    return ImageFolder(root, tuple(classes), tuple(images), layout, strays)


def _refuse_one_class(root: Path, name: str, scored: bool) -> None:
    """Say what is wrong with a folder of one class; one that is only scored may have one."""
    inner = root / name
    if inner.is_dir() and not Walk(inner).children("")[1] and len(_class_folders(inner)) > 1:
        raise DataError(
            f"{quoted(root)} has its class folders one level deeper",
            f"name the folder inside it: tlearn suggest {quoted(inner)}",
        )
    if not scored:
        raise DataError(
            f"{quoted(root)} has only one class: {name!r}",
            "add a subfolder with images of something else; a classifier needs two classes",
        )


def _scan_csv(path: Path, scored: bool) -> ImageFolder:
    """Read a CSV; the splits that it gives are those to use, and without any they are drawn."""
    rows: dict[str, _Row] = {}
    errors: list[str] = []
    for line, cells in read_image_csv(path):
        try:
            row = _row(path.parent, cells)
            if rows.setdefault(row.name, row) != row:
                raise ValueError(
                    f"{row.name!r} is listed twice, with different labels, splits or groups"
                )
        except ValueError as error:
            errors.append(f"line {line}: {error}")
    if errors:
        errors[10:] = [f"... and {len(errors) - 10} more"] if len(errors) > 10 else []
        raise DataError("\n".join([f"{quoted(path)} has errors:", *errors]), "correct those lines")
    splits = Counter(row.split for row in rows.values())
    if splits.keys() - {None}:
        _check_splits(path, splits, scored)
    # Images for training alone are divided, as those of a lone folder "train" are.
    drawn = not scored and splits.keys() <= {"train", None}
    listed = [row._replace(split=None) if drawn else row for row in rows.values()]
    return _image_folder(path.parent, listed, "csv")


def _check_splits(path: Path, splits: Counter[str | None], scored: bool) -> None:
    """Refuse splits that cannot be used as they are: a CSV is never split anew in silence."""
    found = ", ".join(f"{count} {name or 'without a split'}" for name, count in splits.items())
    every = "write train, val or test into the column split of every row, or leave the column out"
    if None in splits:
        raise DataError(f"{quoted(path)} has rows without a split: {found}", every)
    if "train" not in splits and not scored:
        raise DataError(f"no row of {quoted(path)} is for training: {found}", every)


def _row(root: Path, cells: dict[str, str]) -> _Row:
    """Check one row of a CSV; a ValueError says what is wrong with it."""
    name, label, split = (cells.get(key, "") for key in ("path", "label", "split"))
    if "\0" in name:
        raise ValueError(f"the path {name!r} has a character that no path has")
    if not name or not label:
        raise ValueError(f"it has no {'label' if name else 'path'}")
    if split and split.lower() not in SPLIT_NAMES:
        raise ValueError(f"the split {split!r} is none of train, val, test")
    path = Path(os.path.realpath(root / name))
    if not path.is_relative_to(root):
        raise ValueError(f"{name!r} is outside the folder of the CSV file")
    try:
        status = os.stat(path)
    except OSError as error:
        reason = "cannot be used: " + (error.strerror or "").lower()
        missing = isinstance(error, FileNotFoundError | NotADirectoryError)
        raise ValueError(f"{name!r} {'does not exist' if missing else reason}") from None
    if kind := kind_of(status.st_mode):
        raise ValueError(f"{name!r} is {kind}, not an image")
    part, group = SPLIT_NAMES.get(split.lower()), cells.get("group") or None
    return _Row(path.relative_to(root).as_posix(), label, part, group)
