"""Which pictures there are, and which class and part each one belongs to.

classes   root/<class>/**/<picture>
parts     root/<train|val|test>/<class>/**/<picture>
csv       a table with the columns path, label and, optionally, split
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tlearn.errors import DataError

SPLITS = ("train", "val", "test")
SPLIT_NAMES = {split: split for split in SPLITS} | {"training": "train", "testing": "test"}
SPLIT_NAMES |= {"valid": "val", "validation": "val"}

# First bytes and extensions. Text may begin with "BM" or "P1": those two need some more.
_FORMATS = {
    "JPEG": (rb"\xff\xd8\xff", ".jpg .jpeg .jpe .jfif"),
    "PNG": (rb"\x89PNG\r\n\x1a\n", ".png"),
    "GIF": (rb"GIF8[79]a", ".gif"),
    "WEBP": (rb"RIFF.{4}WEBP", ".webp"),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", ".tif .tiff"),
    "BMP": (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", ".bmp"),
    "PPM": (rb"P[1-6]\s+[0-9#]", ".ppm .pgm"),
    "AVIF": (rb".{4}ftypavi[fs]", ".avif"),
    "HEIF": (rb".{4}ftyp(?:hei[cxms]|hev[cx]|mif1|msf1)", ".heic .heif"),
}
EXTENSIONS = {end: name for name, (_, ends) in _FORMATS.items() for end in ends.split()}
"""The format that an extension promises."""

_COLUMNS = {"file": "path", "filename": "path", "image": "path", "class": "label"}
_COLUMNS |= {"part": "split", "set": "split", "path": "path", "label": "label", "split": "split"}


@dataclass(frozen=True)
class LabeledImage:
    """One picture: its absolute `path`, its `name` (POSIX, relative to the folder; the key in
    manifests), its `label` (index into the classes) and, where the layout says so, its `split`."""

    path: Path
    name: str
    label: int
    split: str | None = None


@dataclass(frozen=True)
class ImageFolder:
    """What a scan found below the absolute `root`, whatever order the file system has: `classes`
    in natural order ("2" before "10"), `images` by part, class and name, the `layout` ("classes",
    "splits" or "csv") and the names of stray files and folders left aside, `ignored`."""

    root: Path
    classes: tuple[str, ...]
    images: tuple[LabeledImage, ...]
    layout: str
    ignored: tuple[str, ...] = ()


def natural_key(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key that puts "img2" before "img10" and leaves case out."""
    chunks = re.split("([0-9]+)", name.casefold())
    chunks[1::2] = [number.lstrip("0") for number in chunks[1::2]]
    return [(len(chunk) if n % 2 else 0, chunk) for n, chunk in enumerate(chunks)], name


def sniff(head: bytes) -> str:
    """Format of the picture that `head` (its first 32 bytes or more) begins; "" for none."""
    matches = (name for name, (magic, _) in _FORMATS.items() if re.match(magic, head, re.S))
    return next(matches, "")


def scan(source: Path) -> ImageFolder:
    """List the pictures of a folder or a CSV file with their classes, without decoding any.

    Raises:
        DataError: Fewer than two classes with pictures; the hint says how to arrange them.
    """
    source = Path(source).expanduser()
    _must_exist(source)
    if source.is_dir():
        return _scan_folder(source.resolve())
    if source.suffix.lower() in (".csv", ".tsv"):
        return _scan_csv(source.resolve())
    hint = "pass the folder that holds one sub-folder per class, or a .csv with path,label"
    raise DataError(f"'{source}' is a file, neither a folder nor a CSV", hint)


def list_images(sources: Sequence[Path]) -> list[Path]:
    """Unlabelled pictures: files as given, folders searched through in natural order.

    Raises:
        DataError: A source is missing, or no picture is found.
    """
    found: list[Path] = []
    for source in (Path(source).expanduser().absolute() for source in sources):
        _must_exist(source)
        names = _Walk(source).images("") if source.is_dir() else [""]
        found += [source / name for name in sorted(names, key=natural_key)]
    if found:
        return list(dict.fromkeys(found))
    raise DataError(f"no pictures in {', '.join(map(str, sources))}", "pass files or a folder")


def _must_exist(path: Path) -> None:
    if path.exists():
        return
    path = path.absolute()
    parent = next(folder for folder in path.parents if folder.is_dir())
    names = [entry.name for entry in _entries(parent)]
    near = difflib.get_close_matches(path.relative_to(parent).parts[0], names, 1, 0.5)
    hint = f"did you mean '{parent / near[0]}'?" if near else f"'{parent}' does: look there"
    raise DataError(f"'{path}' does not exist", hint)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
        hint = "check its permissions, or move it out of the image folder"
        raise DataError(f"cannot read the folder '{folder}': {error.strerror}", hint) from error


def _is_image(path: Path) -> bool:
    if path.suffix.lower() in EXTENSIONS:
        return True  # whatever it holds: an unreadable one shall be reported, not overlooked
    try:
        with path.open("rb") as file:
            return bool(sniff(file.read(32)))
    except OSError:
        return False


@dataclass
class _Walk:
    """Looks through the tree below `root` and keeps what it leaves aside."""

    root: Path
    ignored: list[str] = field(default_factory=list)

    def children(self, name: str) -> tuple[list[str], list[str]]:
        """Sub-folders of the folder `name`, and pictures directly in it."""
        folders, images = [], []
        for entry in _entries(self.root / name):
            child = f"{name}/{entry.name}".removeprefix("/")
            hidden = entry.name.startswith(".") or entry.name in ("__MACOSX", "@eaDir")
            if entry.is_dir() and not hidden:
                folders.append(child)
            elif entry.is_file() and not hidden and _is_image(self.root / child):
                images.append(child)
            else:
                self.ignored.append(child)
        return sorted(folders, key=natural_key), images

    def images(self, name: str) -> list[str]:
        """Pictures in `name` and below; a link back to a folder already seen is left aside."""
        return self._below(name, {(self.root / above).resolve() for above in Path(name).parents})

    def _below(self, name: str, seen: set[Path]) -> list[str]:
        place = (self.root / name).resolve()
        if place in seen:
            self.ignored.append(name)
            return []
        seen.add(place)
        folders, images = self.children(name)
        return images + [below for folder in folders for below in self._below(folder, seen)]


_Row = tuple[str, str, str | None]  # name, class, part


def _scan_folder(root: Path) -> ImageFolder:
    walk = _Walk(root)
    folders, loose = walk.children("")
    named = {name: SPLIT_NAMES[name.lower()] for name in folders if name.lower() in SPLIT_NAMES}
    splits = {name: split for name, split in named.items() if _class_folders(root / name)}
    if "train" not in splits.values():
        if len(named) > 1 and len(named) == len(folders):
            raise DataError(
                f"'{root}' holds {' and '.join(folders)}, but no train folder with class folders",
                "arrange it as train/<class>/..., or pass a folder with one sub-folder per class",
            )
        return _image_folder(root, _class_rows(walk, folders, loose), "classes", walk.ignored)
    walk.ignored += [*loose, *(name for name in folders if name not in splits)]
    ready = len({*splits.values()}) > 1
    rows: list[_Row] = []
    for name, split in splits.items():
        rows += _class_rows(walk, *walk.children(name), split if ready else None)
    return _image_folder(root, rows, "splits" if ready else "classes", walk.ignored)


def _class_folders(folder: Path) -> list[str]:
    walk = _Walk(folder)
    return [name for name in walk.children("")[0] if walk.images(name)]


def _class_rows(
    walk: _Walk, folders: Sequence[str], loose: Sequence[str], split: str | None = None
) -> list[_Row]:
    rows: list[_Row] = []
    for folder in folders:
        images = walk.images(folder)
        rows += [(name, Path(folder).name, split) for name in images]
        walk.ignored += [] if images else [folder]
    if not rows and loose:
        raise DataError(
            f"'{walk.root}' holds {len(loose)} pictures but no class folders",
            "make one sub-folder per class and move each picture into its class",
        )
    walk.ignored += loose
    return rows


def _image_folder(
    root: Path, rows: Sequence[_Row], layout: str, ignored: Sequence[str] = ()
) -> ImageFolder:
    classes = sorted({class_name for _, class_name, _ in rows}, key=natural_key)
    if not classes:
        raise DataError(f"no pictures in '{root}'", "it should hold one sub-folder per class")
    if len(classes) == 1:
        inner = root / classes[0]
        if inner.is_dir() and not _Walk(inner).children("")[1] and len(_class_folders(inner)) > 1:
            raise DataError(f"the class folders of '{root}' are one deeper", f"pass '{inner}'")
        raise DataError(
            f"'{root}' holds one class only: {classes[0]!r}",
            "a classifier needs two or more: add a sub-folder with pictures of something else",
        )
    labels = {name: label for label, name in enumerate(classes)}
    images = [LabeledImage(root / name, name, labels[of], split) for name, of, split in rows]
    images.sort(key=lambda i: (SPLITS.index(i.split or "train"), i.label, natural_key(i.name)))
    left_aside = tuple(sorted(ignored, key=natural_key))
    return ImageFolder(root, tuple(classes), tuple(images), layout, left_aside)


def _scan_csv(path: Path) -> ImageFolder:
    rows: dict[str, _Row] = {}
    errors: list[str] = []
    for line, cells in _read_cells(path):
        try:
            row = _row(path.parent, cells)
            if rows.setdefault(row[0], row) != row:
                raise ValueError(f"{row[0]!r} is listed twice, with another label or split")
        except ValueError as error:
            errors.append(f"line {line}: {error}")
    if errors:
        errors[10:] = [f"... and {len(errors) - 10} more"] if len(errors) > 10 else []
        raise DataError("\n".join([f"'{path}' has faults", *errors]), "mend those lines")
    splits = {split for _, _, split in rows.values()}
    if len(splits) > 1 and (None in splits or "train" not in splits):
        raise DataError(f"'{path}' has rows without a split, or no train rows", "fill the column")
    listed = [(name, of, split if len(splits) > 1 else None) for name, of, split in rows.values()]
    return _image_folder(path.parent, listed, "csv")


def _read_cells(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by meaning, for every row that is not blank."""
    try:
        text = path.read_text("utf-8-sig")
        for mark in ",;\t|":
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=mark)
            header = [_COLUMNS.get(cell.strip().lower(), "") for cell in next(reader, [])]
            if {"path", "label"} <= {*header}:
                break
        else:
            raise DataError(
                f"the first line of '{path}' names no columns path and label",
                "begin the file with: path,label (or path,label,split)",
            )
        for cells in reader:
            if any(cell.strip() for cell in cells):
                # Backwards, so that of two columns with one meaning the first one counts.
                pairs = [*zip(header, cells, strict=False)][::-1]
                yield reader.line_num, {meaning: cell.strip() for meaning, cell in pairs}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"cannot read '{path}': {error}", "save it as CSV in UTF-8") from error


def _row(root: Path, cells: dict[str, str]) -> _Row:
    """Check one row of a CSV; a ValueError says what is wrong with it."""
    given, label, split = (cells.get(key, "") for key in ("path", "label", "split"))
    if not given or not label:
        raise ValueError(f"it has no {'label' if given else 'path'}")
    if split and split.lower() not in SPLIT_NAMES:
        raise ValueError(f"the split {split!r} is none of train, val, test")
    path = (root / given).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"{given!r} is outside the folder of the CSV")
    if not path.is_file():
        raise ValueError(f"{given!r} does not exist")
    return path.relative_to(root).as_posix(), label, SPLIT_NAMES.get(split.lower())
