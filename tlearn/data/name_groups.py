"""Groups guessed from the names of images, and from camera and day in EXIF.

Three things tell groups: a word that says what they are (`patient12`), endings that come again in
one group after another (`P01_L_1`, `P01_R_2`, `P02_L_1`), and a last number that runs on within
each. Of several levels, as of slide, column and row, the widest is taken: it keeps the others
together. Where no word says what is grouped, and groups are few or large, the images of a group
also have to look alike.

A guess has to be plausible: several images a group, several groups in a class, no group with half
of the images. One running number a class, as in `ant_001` to `ant_200`, is no grouping.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from posixpath import commonpath, splitext
from statistics import median

from tlearn.data.group_likeness import Alike
from tlearn.data.image_folder import SPLIT_NAMES, ImageFolder, LabeledImage
from tlearn.data.image_info import ImageInfo

Guess = tuple[str, tuple[str | None, ...]]
"""What was recognized, and the key of each image."""

_PERSONS = (
    "person|people|patient|pat|pt|subject|subj|sub|participant|proband|volunteer|donor|client"
    "|individual|speaker|signer|writer|author|user"
)
_SOURCES = (
    "im|page|sheet|scan|slide|wsi|video|vid|clip|movie|film|sequence|seq|scene|shot|take|track"
    "|series|session|visit|study|exam|case|burst|specimen|sample|core|biopsy|plot|plant|tree|house"
)
_PERSON = re.compile(rf"(?<![a-z])(?P<word>{_PERSONS})[-_. ]?(?P<number>\d+)", re.IGNORECASE)
_SOURCE = re.compile(rf"(?<![a-z])(?P<word>{_SOURCES})[-_. ]?(?P<number>\d+)", re.IGNORECASE)
_SYNSET = re.compile(r"n\d{8}_\d+")
"""An image of ImageNet: what stands before its number is a class."""

_ROBOFLOW = re.compile(r"(?P<name>.+)_[a-z]{3,4}\.rf\.[0-9a-z]{20,}", re.IGNORECASE | re.DOTALL)
"""How that export names views of one image, made by augmentation."""

_FIELD = re.compile(
    r"\d{4}([-.])\d{2}\1\d{2}(?!\d)|(?<!\d)\d{2}([-.:])\d{2}\2\d{2}(?!\d)"  # a date, a time
    r"|\d+|(?<![A-Za-z0-9])[A-Za-z](?![A-Za-z0-9])"
)
"""What may end the name of a group: a date, a time, a number or a letter on its own."""

_COUNTER = re.compile(r"(?P<before>.*\d\D+)(?P<number>\d{1,6})\D*", re.DOTALL)
_RUNNING = "a name before a running number"
_FOLDER = "folders inside the classes"
_VIEWS = "views of one image (.rf.)"
_ENDINGS = "a name before endings that come again"
_UNNAMED = (_RUNNING, _FOLDER, _ENDINGS)

FEWEST_GROUPS = 6
"""Groups in all below which no guess is offered: too few to divide."""

FEWEST_IN_CLASS = 3
"""Groups of a class, in the middle of the classes: train, val and test need one each."""

MEAN_SIZE = (2, 500)
"""Images a group, on average."""

LARGEST_SHARE = 0.5
"""Share of the images above which a group is no group but a name for nearly all."""

SPARSEST = 10
"""Numbers that a running number may skip for each image it has: a sample of a series keeps some."""

SHARED = 0.05
"""Share of the images that stand with others in a group; below, grouping changes nothing. For words
that say what is grouped, such as "patient", this replaces the mean size: of many patients there is
one image, and of some there are several."""

COMPANIONS = 0.25
"""Share of the images with another one of their group in their class, where no word says what is
grouped. In `train_7_0` and `train_7_1` the last number may be the class: then there is none."""

GROUPS_OF_ENDING = 3
"""Groups that an ending is in, on average, where endings come again."""

MANY_GROUPS, FEW_IMAGES = 30, 20
"""So many groups of so few images, whose numbers or endings begin anew in each, are meant: images
need not look alike then. X-rays of one patient hardly do."""

_MOST_LEVELS = 6
_RESTARTED = 0.1
"""Share of names that come again in another class or split, from which on numbers start anew in
each: `track1` of one is then not `track1` of the other."""


def guess_from_names(folder: ImageFolder, alike: Alike = lambda keys: True) -> Guess | None:
    """Guess groups from what stands below the folder of the class: names, and folders of images.

    Args:
        folder: Classes and files.
        alike: Tells whether images of one group look alike: asked where no word says what they are.
    """
    texts = _texts(folder)
    found = [_parse(text) for text in texts]
    scopes = _scopes(folder, texts)
    by_kind: dict[str, dict[int, str]] = defaultdict(dict)
    for row, (parsed, scope) in enumerate(zip(found, scopes, strict=True)):
        if parsed:
            kind, key = parsed
            by_kind[kind][row] = scope + key
    unnamed = [row for row, parsed in enumerate(found) if parsed is None or parsed[0] in _UNNAMED]
    if keys := _before_endings(folder, texts, scopes, unnamed, alike):
        by_kind = {kind: rows for kind, rows in by_kind.items() if kind not in (_RUNNING, _FOLDER)}
        by_kind[_ENDINGS] = keys
    accepted: dict[int, str] = {}
    patterns: list[str] = []
    for kind, keys in sorted(by_kind.items(), key=lambda item: -len(item[1])):
        named = kind not in _UNNAMED
        if kind == _FOLDER and folder.layout == "splits":
            continue  # what train and test have in common may as well be kinds of a class
        if (
            _is_plausible(keys, folder.images, named)
            and (kind != _RUNNING or _is_running(keys, texts))
            and (named or kind == _ENDINGS or _is_meant(keys) or alike(keys))
        ):
            accepted |= keys
            patterns.append(_start(keys, scopes) if kind == _ENDINGS else kind)
    if not accepted or not _is_shared(accepted, len(texts)):
        return None
    return ", ".join(patterns), tuple(accepted.get(row) for row in range(len(texts)))


def _before_endings(
    folder: ImageFolder,
    texts: Sequence[str],
    scopes: Sequence[str],
    rows: Sequence[int],
    alike: Alike,
) -> dict[int, str]:
    """Return the keys of the widest groups after whose names the same endings come; or nothing."""
    ends = {
        row: [match.end() for match in _FIELD.finditer(texts[row])]
        for row in rows
        if not _SYNSET.fullmatch(texts[row])
    }
    for level in range(_MOST_LEVELS):
        cut = {row: found[level] for row, found in ends.items() if len(found) > level}
        keys = {row: scopes[row] + texts[row][:end] for row, end in cut.items()}
        if 2 * len(keys) < len(rows) or not _is_plausible(keys, folder.images, False):
            continue
        endings = len({texts[row][end:] for row, end in cut.items()})
        mean = len(keys) / len({*keys.values()})
        come_again = endings <= min(SPARSEST * mean, len(keys) / GROUPS_OF_ENDING)
        if come_again and (_is_meant(keys) or alike(keys)):
            return keys
    return {}


def _start(keys: Mapping[int, str], scopes: Sequence[str]) -> str:
    """Return what most keys are called, with N for numbers: "PN..."."""
    starts = Counter(
        re.sub(r"\d+", "N", key.removeprefix(scopes[row])) for row, key in keys.items()
    )
    return f"{starts.most_common(1)[0][0]}..."


def guess_from_exif(folder: ImageFolder, infos: Sequence[ImageInfo]) -> Guess | None:
    """Guess groups from the camera and the day on which an image was taken."""
    keys = {
        row: f"{info.camera} {info.taken[:10]}".strip()
        for row, info in enumerate(infos)
        if info.taken[:10].strip(" :0")
    }
    if not _is_plausible(keys, folder.images, False) or 2 * len(keys) < len(infos):
        return None
    return "camera and day", tuple(keys.get(row) for row in range(len(infos)))


def _texts(folder: ImageFolder) -> list[str]:
    """Return each image's path without the extension, below what says its class and split.

    In a CSV the folders may say anything; only what is the same for all images is left out.
    """
    paths = [image.name.split("/") for image in folder.images]
    shared = len(PurePosixPath(commonpath(["/".join(path[:-1]) for path in paths])).parts)
    texts = []
    for path in paths:
        in_split = folder.layout == "splits" or path[0].lower() in SPLIT_NAMES
        above = shared if folder.layout == "csv" else min(1 + in_split, len(path) - 1)
        texts.append("/".join(path[above:]))
    return [splitext(text)[0] for text in texts]


def _parse(text: str) -> tuple[str, str] | None:
    """Return what kind of group a name tells of, and which; None if of none."""
    if match := _ROBOFLOW.fullmatch(text):
        return _VIEWS, match["name"]
    if match := _PERSON.search(text):
        return f"{match['word']}N", f"{match['word'].lower()}{match['number']}"
    sources = [*_SOURCE.finditer(text)]
    if sources and re.search(r"[\d()]|/.", text[sources[-1].end() :]):
        match = sources[-1]
        return f"{match['word']}N", text[: match.end()]
    match = _COUNTER.fullmatch(text)
    if match and not _SYNSET.fullmatch(text):
        return _RUNNING, match["before"]
    folder = text.rpartition("/")[0]
    return (_FOLDER, folder) if folder else None


def _scopes(folder: ImageFolder, texts: Sequence[str]) -> list[str]:
    """Return what to put before the keys of each image, where numbers start anew in each place."""
    of_class = [folder.classes[image.label] for image in folder.images]
    of_split = [image.split or "" for image in folder.images]
    scopes = [""] * len(texts)
    for places in (of_class, of_split):
        of_name: dict[tuple[str, str], set[str]] = defaultdict(set)
        for scope, text, place in zip(scopes, texts, places, strict=True):
            of_name[scope, text].add(place)
        again = sum(len(of_name[name]) > 1 for name in zip(scopes, texts, strict=True))
        if again > _RESTARTED * len(texts):
            scopes = [f"{scope}{place}/" for scope, place in zip(scopes, places, strict=True)]
    return scopes


def _is_plausible(keys: Mapping[int, str], images: Sequence[LabeledImage], named: bool) -> bool:
    """Return whether keys may be groups.

    Args:
        keys: Row to key.
        images: All images.
        named: Whether a word says what the keys are.
    """
    sizes = Counter(keys.values())
    if len(sizes) < FEWEST_GROUPS or max(sizes.values()) > LARGEST_SHARE * len(keys):
        return False
    of_class: dict[int, set[str]] = defaultdict(set)
    for row, key in keys.items():
        of_class[images[row].label].add(key)
    if median(map(len, of_class.values())) < FEWEST_IN_CLASS:
        return False
    mean = len(keys) / len(sizes)
    if named:
        return mean <= MEAN_SIZE[1] and _is_shared(keys, len(keys))
    in_class = {row: f"{images[row].label}/{key}" for row, key in keys.items()}
    return MEAN_SIZE[0] <= mean <= MEAN_SIZE[1] and _is_shared(in_class, len(keys), COMPANIONS)


def _is_meant(keys: Mapping[int, str]) -> bool:
    n_groups = len({*keys.values()})
    return n_groups >= MANY_GROUPS and len(keys) <= FEW_IMAGES * n_groups


def _is_shared(keys: Mapping[int, str], n: int, share: float = SHARED) -> bool:
    sizes = Counter(keys.values())
    return sum(size for size in sizes.values() if size > 1) >= share * n


def _is_running(keys: Mapping[int, str], texts: Sequence[str]) -> bool:
    """Return whether the last numbers of most groups count images, and are no codes or dates."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for row, key in keys.items():
        match = _COUNTER.fullmatch(texts[row])
        numbers[key] += [int(match["number"])] if match else []
    several = [group for group in numbers.values() if len(group) > 1]
    dense = [1 + max(group) - min(group) <= SPARSEST * len(group) for group in several]
    return 2 * sum(dense) > len(dense)
