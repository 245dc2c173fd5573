"""Images kept in a run, so that it can be exported and checked on another machine.

golden/*       files as they were found: held out, and answered rightly
train.zip      images of the train split, decoded and never augmented, lossless
val.zip        the same of the val split, where there is one; of good images, test.zip of the test
samples.json   which they are
"""

from __future__ import annotations

import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tlearn.data.dataset import Dataset
from tlearn.data.decode import is_reduced
from tlearn.data.file_index import ORIGINAL_BYTES
from tlearn.data.formats import sniff
from tlearn.data.pixel_store import PixelArray, bounded_map
from tlearn.data.sampling import in_turn, sample_size, stratified_order
from tlearn.data.targets import ONE_CLASS
from tlearn.errors import RunError, quoted
from tlearn.storage.atomic import write_atomic_directory
from tlearn.storage.digest import digest_of_bytes
from tlearn.storage.regular_file import read_regular
from tlearn.storage.text import read_json

GOLDEN_IMAGES = 6
_MOST_CANDIDATES = 100
GOLDEN_BYTES = ORIGINAL_BYTES
"""Of one file; larger ones stay where they are."""

ARCHIVE_BYTES = 8_000_000
"""Of the decoded images of one split; what does not fit is left out."""

SPLITS = ("train", "val", "test")
_INDEX, _GOLDEN = "samples.json", "golden"
_VERSION = 1
_ANY_ZIP_DATE = (1980, 1, 1, 0, 0, 0)
# Of what Pillow writes without loss this is the smallest, and the fastest from 200 pixels on.
_LOSSLESS: dict[str, Any] = {"format": "WEBP", "lossless": True, "quality": 0, "method": 0}
_UNREADABLE = (OSError, ValueError, zipfile.BadZipFile, zlib.error, RuntimeError, SyntaxError)
"""What a damaged archive, or an image in one, makes zipfile, Pillow and numpy raise."""

_GOLDEN_HINT = "put it back, or remove samples/ from the run to export without it"
_HINT = "train again, or say where the run's images are: --data FOLDER"


@dataclass(frozen=True)
class GoldenFile:
    """One image as it was found: its file, its class, the SHA-256 of its bytes."""

    path: Path
    label: int
    sha256: str

    def content(self) -> bytes:
        """Return the file's bytes.

        Raises:
            RunError: It is missing, or not what was kept.
        """
        try:
            content = read_regular(self.path, GOLDEN_BYTES)
        except OSError as error:
            raise RunError(
                f"{quoted(self.path)} cannot be read: {error.strerror}", _GOLDEN_HINT
            ) from error
        if digest_of_bytes(content) != self.sha256:
            raise RunError(f"{quoted(self.path)} was changed", _GOLDEN_HINT)
        return content


@dataclass(frozen=True, eq=False)
class Sample:
    """A stratified sample of one split.

    Attributes:
        rows: (n,) which images of the split they are, counted from 0.
        archive: The images, decoded.
    """

    rows: np.ndarray
    archive: Path

    def pixels(self) -> np.ndarray:
        """Return the images: uint8 (n, H, W, 3).

        Raises:
            RunError: They are missing or damaged.
        """
        try:
            content = io.BytesIO(read_regular(self.archive, 2 * ARCHIVE_BYTES))
            with zipfile.ZipFile(content) as archive:
                images = [_pixels(archive.read(name)) for name in archive.namelist()]
            pixels = np.stack(images)
        except _UNREADABLE as error:
            reason = getattr(error, "strerror", None) or error
            raise RunError(f"{quoted(self.archive)} cannot be read: {reason}", _HINT) from error
        if len(images) != len(self.rows):
            contents = f"{len(images)} images, expected {len(self.rows)}"
            raise RunError(f"{quoted(self.archive)} holds {contents}", _HINT)
        return pixels


@dataclass(frozen=True)
class Samples:
    """What travels in a run: held-out files that the model answers rightly, and samples of splits.

    A run without a val split has no sample of it.
    """

    golden: tuple[GoldenFile, ...]
    of_split: Mapping[str, Sample]


def write_samples(
    folder: Path, dataset: Dataset, split: str, probabilities: np.ndarray, seed: int
) -> None:
    """Choose and keep the samples of a run; the same run gives the same bytes.

    Args:
        folder: Where to; replaced when it exists.
        dataset: What the run was trained on.
        split: The held-out split that golden images come from.
        probabilities: (n, classes) of that split, from the model.
        seed: Decides which images of a split are taken.

    Raises:
        HostError: The folder cannot be written to.
    """

    def fill(temporary: Path) -> None:
        (temporary / _GOLDEN).mkdir()
        golden = _chosen(_golden(dataset, split, probabilities), dataset)
        index: dict[str, Any] = {"version": _VERSION}
        index["golden"] = [_keep_golden(temporary / _GOLDEN, *file) for file in golden]
        checked = "test" if dataset.folder.task == ONE_CLASS else "val"
        for name in ("train", checked):
            if dataset.manifest.count(name):
                index[name] = _keep_sample(temporary / f"{name}.zip", dataset, name, seed)
        (temporary / _INDEX).write_text(json.dumps(index, indent=1) + "\n", "utf-8")

    write_atomic_directory(folder, fill)


def read_samples(folder: Path) -> Samples | None:
    """Read the samples of a run; None where it keeps none.

    Raises:
        RunError: They are damaged.
    """
    if not os.path.lexists(folder / _INDEX):
        return None
    index = read_json(folder / _INDEX)
    version = index.get("version") if isinstance(index, dict) else None
    if version != _VERSION:
        problem = (
            f"{quoted(folder / _INDEX)} is of version {version!r}; this tlearn reads {_VERSION}"
        )
        raise RunError(problem, "export with the tlearn that trained the run, or train again")
    try:
        golden = tuple(_golden_file(folder / _GOLDEN, **item) for item in index["golden"])
        of_split = {
            split: Sample(_rows(index[split]), folder / f"{split}.zip")
            for split in SPLITS
            if split in index
        }
    except (TypeError, KeyError, ValueError, OverflowError) as error:
        raise RunError(f"{quoted(folder / _INDEX)} is damaged: {error!r}", _HINT) from error
    return Samples(golden, of_split)


def _golden_file(folder: Path, file: str, label: int, sha256: str) -> GoldenFile:
    """Return one entry of the index; a ValueError or a TypeError says that it is none."""
    if Path(file).name != file:
        raise ValueError(f"{file!r} is not the name of a file")
    if type(label) is not int or label < 0 or type(sha256) is not str:
        raise ValueError(f"{file!r} has no label or no digest")
    return GoldenFile(folder / file, label, sha256)


def _rows(values: Any) -> np.ndarray:
    """Return ascending rows of a split; a ValueError says that they are none."""
    rows = np.asarray(values, np.int64)
    if rows.ndim != 1 or not rows.size or rows[0] < 0 or (np.diff(rows) <= 0).any():
        raise ValueError(f"{values!r:.40} are not rows of a split")
    return rows


def golden_candidates(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return rows that are answered rightly, class by class in turn, margins near 0.5 first.

        margin = probability of the answer - that of the runner-up

    A margin near 0 turns over by rounding alone, and one near 1 hides a wrong scaling.

    Args:
        probabilities: (n, classes), from the model.
        labels: (n,) true classes.
    """
    low, high = np.sort(probabilities, axis=1)[:, -2:].T
    order = np.argsort(np.abs(high - low - 0.5), kind="stable")
    return in_turn(order[probabilities.argmax(axis=1)[order] == labels[order]], labels)


def _keep_sample(archive: Path, dataset: Dataset, split: str, seed: int) -> list[int]:
    """Write a stratified sample of a split, and return its rows."""
    labels, pixels = dataset.labels(split), dataset.rows(split)
    order = stratified_order(labels, seed)[: sample_size(len(dataset.manifest.classes))]
    images = dict(_encoded(pixels, order.tolist()))
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as file:
        for number, row in enumerate(sorted(images)):
            name = f"{number:03}.{_LOSSLESS['format']}".lower()
            file.writestr(zipfile.ZipInfo(name, _ANY_ZIP_DATE), images[row])
    return sorted(images)


def _encoded(pixels: PixelArray, rows: Sequence[int]) -> Iterator[tuple[int, bytes]]:
    """Yield rows and their encoded images, until these are too many bytes."""

    def encode(row: int) -> bytes:
        file = io.BytesIO()
        Image.fromarray(np.asarray(pixels[row])).save(file, **_LOSSLESS)
        return file.getvalue()

    total_bytes = 0
    for row, content in zip(rows, bounded_map(encode, rows), strict=True):
        total_bytes += len(content)
        if total_bytes > ARCHIVE_BYTES:
            return
        yield row, content


def _pixels(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("RGB"))


def _golden(dataset: Dataset, split: str, probabilities: np.ndarray) -> Iterator[tuple[int, bytes]]:
    """Yield class and bytes of held-out files, in the order of `golden_candidates`."""
    paths = {image.name: image.path for image in dataset.folder.images}
    names, labels = dataset.manifest.names, dataset.labels(split)
    rows, digests = dataset.manifest.indices(split), dataset.digests(split)
    classes = dataset.manifest.targets is None
    order = np.arange(len(labels))
    order = golden_candidates(probabilities, labels) if classes else in_turn(order, labels)
    for row in order:
        content = dataset.pixels.files.original(digests[row])
        if content is None:
            with suppress(OSError):  # a folder that changes while it is read, or a large file
                content = read_regular(paths[names[rows[row]]], GOLDEN_BYTES)
        whole = content is not None and digest_of_bytes(content) == digests[row]
        if content and whole and len(content) <= GOLDEN_BYTES:
            yield int(labels[row]), content


def _chosen(candidates: Iterator[tuple[int, bytes]], dataset: Dataset) -> list[tuple[int, bytes]]:
    """Return the first candidates; one of them is a JPEG that is reduced while it is decoded.

    Decoders differ most in these. Where there is none in the first hundred, there is none.
    """
    candidates = islice(candidates, _MOST_CANDIDATES)
    first = list(islice(candidates, GOLDEN_IMAGES))
    side = dataset.rows("train").shape[1]
    both = chain(first, candidates)
    reduced = next((one for one in both if is_reduced(one[1], side, dataset.resize)), None)
    return first if reduced is None or reduced in first else [*first[:-1], reduced]


def _keep_golden(folder: Path, label: int, content: bytes) -> dict[str, object]:
    """Write one file under the digest of its content; return its entry in the index."""
    digest = digest_of_bytes(content)
    file = folder / f"{digest[:12]}.{sniff(content[:64]).lower()}"
    file.write_bytes(content)
    return {"file": file.name, "label": label, "sha256": digest}
