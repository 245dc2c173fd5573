"""Decoded images on disk: each file is decoded once, in parallel, at the size the network takes.

Memory holds a window of images, never the whole folder: rows go to a memory-mapped table as they
are decoded.
"""

from __future__ import annotations

import json
import os
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from tlearn.data.decode import read_image
from tlearn.data.image_info import ImageInfo
from tlearn.errors import HostError, quoted
from tlearn.progress import StepProgress
from tlearn.storage.atomic import CACHE_HINT, os_errors_as_host_errors
from tlearn.storage.regular_file import read_regular
from tlearn.storage.row_table import RowTable

DECODER_VERSION = 2
"""Increased whenever the decoder's pixels change, so that stored ones are not reused."""

_WINDOW = 64
_MOST_INFO_BYTES = 2_000_000_000

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class PixelStore:
    """Decoded images, found by the digest of their file.

    Attributes:
        table: Rows of uint8 (image_size, image_size, 3), RGB.
        infos: One record for each file, in the order of the paths.
    """

    table: RowTable
    infos: tuple[ImageInfo, ...]

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
) -> PixelStore:
    """Decode every image that the store does not have yet.

    Args:
        paths: Files to read.
        image_size: Side of the decoded squares, in pixels.
        resize: One of `decode.RESIZE_RULES`.
        cache: The cache folder, which keeps the rows for the next call.
        progress: Called with (done, total) after every image.

    Returns:
        The store; `infos[i].problem` says why `paths[i]` has no pixels.

    Raises:
        HostError: The store cannot be written.
    """
    folder = cache / "pixels" / f"{image_size}-{resize}-v{DECODER_VERSION}"
    table = RowTable(folder, (image_size, image_size, 3), "uint8")
    stored = _InfoFile(folder / "infos.jsonl")
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
        return read_image(path, image_size, resize, find_stored)

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
    return PixelStore(table, tuple(infos))


def bounded_map(work: Callable[[T], R], items: Sequence[T]) -> Iterator[R]:
    """Map a function over items in a thread pool, with a bounded number of results in flight.

    Args:
        work: Called with each item, in several threads.
        items: What to call it with.

    Yields:
        Results in the order of the items.
    """
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
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
    """The ImageInfo of every stored image, one JSON line each; damaged lines are ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.infos: dict[str, ImageInfo] = {}
        for line in _read_if_there(path).splitlines():
            with suppress(ValueError, TypeError):
                info = ImageInfo(**json.loads(_checked(line)))
                self.infos[info.sha256] = info

    def add(self, info: ImageInfo) -> None:
        if info.sha256 not in self.infos:
            self.infos[info.sha256] = info
            with (
                os_errors_as_host_errors(self.path, CACHE_HINT),
                self.path.open("ab") as file,
            ):
                file.write(_with_checksum(json.dumps(asdict(info)).encode()))


def _read_if_there(path: Path) -> bytes:
    """Return what a file of the cache holds, nothing if it is missing.

    Raises:
        HostError: It is a pipe or the like.
    """
    try:
        return read_regular(path, _MOST_INFO_BYTES)
    except FileNotFoundError:
        return b""
    except OSError as error:
        message = f"cannot use {quoted(path)}: {error.strerror}"
        raise HostError(message, "remove what is cached: tlearn cache clear") from error


def _with_checksum(line: bytes) -> bytes:
    return b"%08x %s\n" % (zlib.crc32(line), line)


def _checked(line: bytes) -> bytes:
    """Return what a line holds after its checksum; raise a ValueError if it was changed."""
    checksum, _, content = line.partition(b" ")
    if int(checksum, 16) != zlib.crc32(content):
        raise ValueError("damaged")
    return content
