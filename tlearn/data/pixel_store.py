"""Decoded images on disk: each file is decoded once, in parallel, at the size the network takes.

Memory holds a window of images, never the whole folder: rows go to a memory-mapped table as they
are decoded.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tlearn.backend.device import usable_cores
from tlearn.data.decode import read_image
from tlearn.data.file_index import FileIndex, FileState
from tlearn.data.high_depth import GrayRange, folder_range, range_name
from tlearn.data.image_info import ImageInfo
from tlearn.progress import StepProgress
from tlearn.storage.checked_lines import append_line, read_lines
from tlearn.storage.row_table import RowTable

DECODER_VERSION = 4
"""Increased whenever the decoder's pixels change, so that stored ones are not reused."""

_WINDOW = 64

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class PixelStore:
    """Decoded images, found by the digest of their file.

    Attributes:
        table: Rows of uint8 (image_size, image_size, 3), RGB.
        infos: One record for each file, in the order of the paths.
        rule: Names how files become pixels of this size.
        gray_range: What was black and white in images of more than 8 bits; see `decode`.
        files: What is known of the files.
    """

    table: RowTable
    infos: tuple[ImageInfo, ...]
    rule: str
    gray_range: GrayRange | None
    files: FileIndex

    def read(self, digests: Sequence[str]) -> np.ndarray:
        """Read the pixels, uint8 (len(digests), image_size, image_size, 3)."""
        return self.table.read(digests)

    def rows(self, digests: Sequence[str]) -> PixelRows:
        """Return the same images as a sequence that is read from disk when indexed."""
        return PixelRows(self.table, digests)


class PixelRows(Sequence[np.ndarray]):
    """Images in a chosen order, indexed like an array and read from disk when indexed.

    Args:
        table: Rows of uint8 (H, W, 3).
        digests: (n,) keys of the rows.

    Attributes:
        shape: (n, H, W, 3).
    """

    def __init__(self, table: RowTable, digests: Sequence[str]) -> None:
        self._table = table
        self._digests = np.asarray(digests)
        self.shape = (len(digests), *table.row_shape)

    def __len__(self) -> int:
        return len(self._digests)

    def __getitem__(self, item: Any) -> Any:
        chosen = self._digests[item]
        rows = self._table.read(np.atleast_1d(chosen).tolist())
        return rows[0] if chosen.ndim == 0 else rows


PixelArray = np.ndarray | PixelRows
"""Images uint8 (n, H, W, 3): in memory, or read from disk when indexed."""


def store_pixels(
    paths: Sequence[Path],
    image_size: int,
    resize: str,
    cache: Path,
    progress: StepProgress | None = None,
    gray_range: GrayRange | None = None,
) -> PixelStore:
    """Decode every image that the store does not have yet.

    A file of the same size and times as when it was read is not opened again.

    Args:
        paths: Files to read, absolute.
        image_size: Side of the decoded squares, in pixels.
        resize: One of `decode.RESIZE_RULES`.
        cache: The cache folder, which keeps the rows for the next call.
        progress: Called with (done, total) after every image.
        gray_range: What is black and white in images of more than 8 bits; see `decode`.

    Returns:
        The store; `infos[i].problem` says why `paths[i]` has no pixels.

    Raises:
        HostError: The store cannot be written.
    """
    rule = resize + range_name(gray_range)
    folder = cache / "pixels" / f"{image_size}-{rule}-v{DECODER_VERSION}"
    table = RowTable(folder, (image_size, image_size, 3), "uint8")
    stored, files = _InfoFile(folder / "infos.jsonl"), FileIndex(folder)
    infos: list[ImageInfo] = []
    pending: list[tuple[str, np.ndarray]] = []

    def flush() -> None:
        if pending:
            keys, rows = zip(*pending, strict=True)
            table.append(keys, np.stack(rows))
            pending.clear()

    def find_stored(digest: str) -> ImageInfo | None:
        return stored.infos.get(digest) if digest in table else None

    def read(path: Path) -> tuple[np.ndarray | None, ImageInfo]:
        state = FileState.of(path)
        if known := find_stored(files.find(path, state)):
            return None, known
        note = partial(_note, files, find_stored, path, state)
        return read_image(path, image_size, resize, note, gray_range)

    for pixels, info in bounded_map(read, paths):
        infos.append(info)
        if pixels is not None:
            pending.append((info.sha256, pixels))
            stored.add(info)
        if len(pending) == _WINDOW:
            flush()
        if progress:
            progress(len(infos), len(paths))
    flush()
    return PixelStore(table, tuple(infos), rule, gray_range, files)


def _note(
    files: FileIndex,
    find_stored: Callable[[str], ImageInfo | None],
    path: Path,
    state: FileState | None,
    digest: str,
    content: bytes,
) -> ImageInfo | None:
    """Note what a file holds, and return what is stored of it."""
    files.add(path, state, digest, content)
    return find_stored(digest)


def store_folder(
    paths: Sequence[Path],
    image_size: int,
    resize: str,
    cache: Path,
    progress: StepProgress | None = None,
) -> PixelStore:
    """Decode images as `store_pixels` does, those of more than 8 bits by the range all of them use.

    What they use is known once all were read: where it is not their whole range, they are decoded
    a second time.
    """
    store = store_pixels(paths, image_size, resize, cache, progress)
    gray_range = folder_range(store.infos)
    if gray_range is None:
        return store
    return store_pixels(paths, image_size, resize, cache, progress, gray_range)


def bounded_map(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Map a function over items in a thread pool, with a bounded number of results in flight.

    Args:
        work: Called with each item, in several threads.
        items: What to call it with.

    Yields:
        Results in the order of the items.
    """
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(usable_cores()) as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) == _WINDOW:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:  # the consumer may stop early
                future.cancel()


class _InfoFile:
    """The ImageInfo of every stored image, one JSON line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.infos: dict[str, ImageInfo] = {}
        for line in read_lines(path):
            with suppress(ValueError, TypeError):
                info = ImageInfo(**json.loads(line))
                self.infos[info.sha256] = info

    def add(self, info: ImageInfo) -> None:
        if info.sha256 not in self.infos:
            self.infos[info.sha256] = info
            append_line(self.path, json.dumps(asdict(info)).encode())
